/** Keeps the number of series bounded, whatever arrives as a label. */

// Every value is one more series per combination, kept for as long as the process lives.
const VALUES_MAX = {
  route: 250,
  status: 60,
  code: 300,
  agent: 100,
  'run status': 12,
  outcome: 12,
  model: 300,
  channel: 150,
};
const CHARS_MAX = 120;

/** Gives the value back while its kind has room, and `other` from then on. */
export function createLabelGuard(): (kind: keyof typeof VALUES_MAX, value: string) => string {
  const seen = new Map<string, Set<string>>();
  return (kind, value) => {
    const values = seen.get(kind) ?? new Set();
    seen.set(kind, values);
    if (values.has(value)) return value;
    if (values.size >= VALUES_MAX[kind] || value.length > CHARS_MAX) return 'other';
    values.add(value);
    return value;
  };
}
