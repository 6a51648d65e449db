/** What a report of `npm audit --json` means for us. */

export interface Verdict {
  /** `unknown`: nobody could say, so nothing is claimed. */
  readonly kind: 'clean' | 'weak' | 'unknown';
  readonly lines: readonly string[];
}

// What is less than this cannot be used against us without another fault; it is shown, and ends nothing.
const GRAVE = new Set(['high', 'critical']);

interface Weakness {
  readonly name?: string;
  readonly severity?: string;
  readonly range?: string;
  readonly fixAvailable?: unknown;
}

interface Report {
  readonly message?: string;
  readonly vulnerabilities?: Readonly<Record<string, Weakness>>;
  readonly metadata?: unknown;
}

export function judge(text: string): Verdict {
  const report = parse(text);
  if (report?.vulnerabilities === undefined || report.metadata === undefined)
    return { kind: 'unknown', lines: [`Not audited: ${report?.message ?? 'npm gave no report'}`] };
  const all = Object.entries(report.vulnerabilities);
  const lines = all.map(
    ([name, { severity, range, fixAvailable }]) =>
      `${severity ?? 'unknown'}: ${name} ${range ?? ''}${fixAvailable ? ' (a newer one is mended)' : ''}`,
  );
  // A severity that we do not know is taken for a grave one.
  const isWeak = all.some(([, { severity = 'critical' }]) => GRAVE.has(severity) || !KNOWN.has(severity));
  if (isWeak) return { kind: 'weak', lines };
  return { kind: 'clean', lines: [...lines, 'No grave weakness is known of any package.'] };
}

const KNOWN = new Set(['info', 'low', 'moderate', 'high', 'critical']);

function parse(text: string): Report | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Members are looked at one by one, and each may be missing.
    return typeof value === 'object' && value !== null ? (value as Report) : undefined;
  } catch {
    // No report at all, such as when there is no network.
    return undefined;
  }
}
