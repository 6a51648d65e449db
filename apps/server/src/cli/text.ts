/** Text for terminals. */

// What agents and customers wrote must not move the cursor or change colours of whoever reads it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** One line without control characters, cut at `charsMax`. */
export function plain(value: unknown, charsMax = 2_000): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const clean = text.replace(CONTROL, ' ');
  return clean.length > charsMax ? `${clean.slice(0, charsMax - 1)}…` : clean;
}

/** Columns under their headings, two spaces apart; without rows, `empty`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return `${empty}\n`;
  const cells = [headings, ...rows.map((row) => row.map((cell) => plain(cell, 120)))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${cells.map(line).join('\n')}\n`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit]}`;
}

/** `840 ms`, `3.2 s`, `4 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
