/** `ledger verify`: recomputes the books of every organisation and names each difference. Reads only. */
import type { Db } from '../../platform/db/index.ts';
import { compareRuns, confirmed, type RunHistory, type RunUsage } from './rules.ts';
import { listCharges, listDifferences, listOrganisations } from './store.ts';
import type { Finding, FindingCode } from './types.ts';

/** What stands beside the ledger: whoever owns it tells what it says. A port that is left out is not compared. */
export interface VerifyPorts {
  usageByRun?(orgId: string): Promise<readonly RunUsage[]>;
  usageDifferences?(
    orgId: string,
  ): Promise<readonly { code: FindingCode; object: string; expected: string; found: string }[]>;
  runHistory?(orgId: string): Promise<readonly RunHistory[]>;
  brokenChains?(): Promise<
    readonly { orgId: string; seq: bigint; fault: 'edited' | 'deleted' | 'reordered' | 'truncated' | 'rewritten' }[]
  >;
}

async function compareOnce(
  db: Db,
  { orgId, closed }: { readonly orgId: string; readonly closed: boolean },
  ports: VerifyPorts,
  usageByRun: NonNullable<VerifyPorts['usageByRun']>,
): Promise<Finding[]> {
  const usage = await usageByRun(orgId);
  const charges = await db.system((tx) => listCharges(tx, orgId));
  // Of an organisation that is over the books alone are left.
  const history = closed ? undefined : await ports.runHistory?.(orgId);
  return compareRuns({ orgId, charges, usage, history });
}

/** The three readings are three snapshots, so on a busy system only what shows twice in the same way is a difference. */
async function compareTwice(
  db: Db,
  book: { readonly orgId: string; readonly closed: boolean },
  ports: VerifyPorts,
): Promise<Finding[]> {
  if (ports.usageByRun === undefined) return [];
  const first = await compareOnce(db, book, ports, ports.usageByRun);
  return first.length === 0 ? [] : confirmed(first, await compareOnce(db, book, ports, ports.usageByRun));
}

/** Every difference there is, organisation by organisation; empty when the books are whole. Safe beside live traffic. */
export async function verifyBooks(db: Db, ports: VerifyPorts = {}): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const book of await db.system(listOrganisations)) {
    const { orgId } = book;
    findings.push(...(await db.system((tx) => listDifferences(tx, orgId))));
    const usage = (await ports.usageDifferences?.(orgId)) ?? [];
    findings.push(...usage.map((difference) => ({ orgId, ...difference })));
    findings.push(...(await compareTwice(db, book, ports)));
  }
  for (const chain of (await ports.brokenChains?.()) ?? []) {
    findings.push({
      code: `audit.${chain.fault}`,
      orgId: chain.orgId,
      object: `audit row ${chain.seq}`,
      expected: 'an unbroken chain',
      found: chain.fault,
    });
  }
  return findings;
}
