/** Pure decisions of the ledger: what a free start is, and when history, usage and books agree. */
import type { Finding, RunCharges } from './types.ts';

/**
 * $100 of free credit in the test book: some 2,000 runs of the default tier, enough to build and load-test an integration, and
 * small enough that a runaway test program meets the same refusal it would meet with real money.
 */
export const TEST_CREDIT_NANOS = 100_000_000_000n;

/** What metering recorded for one run. */
export interface RunUsage {
  readonly runId: string;
  readonly costNanos: bigint;
}

/** What history says of one run. */
export interface RunHistory {
  readonly runId: string;
  readonly ended: boolean;
  /** What the run itself cost, without its children. */
  readonly costNanos: bigint;
}

export interface RunBooks {
  readonly orgId: string;
  readonly charges: readonly RunCharges[];
  readonly usage: readonly RunUsage[];
  /** Left out: history is not compared. */
  readonly history?: readonly RunHistory[] | undefined;
}

const ZERO = { ownNanos: 0n, totalNanos: 0n, holdOpen: false };

/**
 * Names every run on which ledger, usage and history disagree. A run that appears in one of them with nothing to pay, and not at
 * all in another, agrees.
 */
export function compareRuns(books: RunBooks): Finding[] {
  const { orgId } = books;
  const charges = new Map(books.charges.map((row) => [row.runId, row]));
  const usage = new Map(books.usage.map((row) => [row.runId, row.costNanos]));
  const findings: Finding[] = [];
  const add = (code: Finding['code'], object: string, expected: unknown, found: unknown) =>
    findings.push({ code, orgId, object, expected: String(expected), found: String(found) });
  for (const runId of new Set([...charges.keys(), ...usage.keys()])) {
    const charged = charges.get(runId) ?? ZERO;
    const used = usage.get(runId) ?? 0n;
    if (charged.ownNanos !== used) add('usage.ledger', runId, `charged ${charged.ownNanos}`, `used ${used}`);
  }
  if (books.history === undefined) return findings;
  const history = new Map(books.history.map((row) => [row.runId, row]));
  for (const run of history.values()) {
    const charged = charges.get(run.runId) ?? ZERO;
    if (run.ended && run.costNanos !== charged.ownNanos)
      add('run.cost', run.runId, `charged ${charged.ownNanos}`, `cost ${run.costNanos}`);
    if (run.ended && charged.holdOpen) add('run.hold-open', run.runId, 'no open hold', 'open hold');
  }
  for (const charged of books.charges) {
    if (!history.has(charged.runId) && (charged.holdOpen || charged.ownNanos !== 0n)) {
      add('run.unknown', charged.runId, 'a run', charged.holdOpen ? 'an open hold' : `charged ${charged.ownNanos}`);
    }
  }
  return findings;
}

/** The findings of `again` that were there before, unchanged: a difference that was only a run ending between two readings is gone by then. */
export function confirmed(before: readonly Finding[], again: readonly Finding[]): Finding[] {
  const keyOf = (finding: Finding) =>
    [finding.code, finding.orgId, finding.object, finding.expected, finding.found].join('\n');
  const seen = new Set(before.map(keyOf));
  return again.filter((finding) => seen.has(keyOf(finding)));
}
