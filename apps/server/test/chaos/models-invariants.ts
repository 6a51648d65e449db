/** What must hold of the gateway whatever was killed, recomputed from the rows by statements of its own. To be asked when nothing is under way. */
import { readFile } from 'node:fs/promises';
import { broken, type Check, GENERAL_CHECKS, ownVerdict, type Violation } from './invariants.ts';
import type { Stage } from './stage.ts';

/** What a client holds in its hands of an answer it got to the last byte. */
export interface Receipt {
  readonly callId: string;
  /** Undefined for a stream, whose headers are sent before its cost is known. */
  readonly costNanos: string | undefined;
  /** As the answer itself says. */
  readonly outputTokens: number | undefined;
}

const CALL_CHECKS: readonly Check[] = [
  {
    invariant: 'I3 no hold is left open',
    violations: `select format('hold %s of %s', id, run_id) as what from ledger.hold where state = 'open'
      union all select format('%s holds %s', org_id, balance) from ledger.account where kind = 'held' and balance <> 0
      union all select format('budget %s holds %s', id, held) from ledger.budget where held <> 0`,
  },
  {
    invariant: 'I3 no call costs more than its hold',
    violations: `select format('call %s: %s of %s', id, cost_nanos, hold_nanos) as what from models.call where cost_nanos > hold_nanos`,
  },
  {
    invariant: 'I5 calls, usage, debits and holds are one',
    violations: `with usage as (select run_id, sum(cost_nanos) as nanos, sum(input_tokens) as input, sum(output_tokens) as output, count(*) as records from metering.usage group by 1),
      debit as (select t.run_id, sum(e.amount) as nanos from ledger.transfer t join ledger.entry e on e.org_id = t.org_id and e.transfer_seq = t.seq
        where e.account = 'spent' group by 1)
      select format('call %s %s cost %s, used %s in %s records, was charged %s, hold %s at %s', c.id, c.status, c.cost_nanos, u.nanos, u.records, d.nanos, h.state, h.own_charged) as what
      from models.call c left join usage u on u.run_id = c.id left join debit d on d.run_id = c.id left join ledger.hold h on h.org_id = c.org_id and h.id = c.hold_id
      where c.status = 'open' or c.cost_nanos <> coalesce(u.nanos, 0) or c.cost_nanos <> coalesce(d.nanos, 0)
        or coalesce(u.records, 0) <> (c.status <> 'lost')::int or (h.id is null) <> c.cached
        or h.state <> case c.status when 'lost' then 'expired' else 'settled' end or h.own_charged <> c.cost_nanos
        or (c.status <> 'lost' and (u.input, u.output) <> (c.input_tokens, c.output_tokens))
      union all select format('usage of the unknown call %s', u.run_id) from usage u where not exists (select 1 from models.call c where c.id = u.run_id)
      union all select format('hold %s of the unknown call %s', h.id, h.run_id) from ledger.hold h where not exists (select 1 from models.call c where c.id = h.run_id)`,
  },
  {
    // By hand from the price list: $0.15 and $0.60 a million tokens and 14 %, and never more than was reserved.
    invariant: 'I5 a call costs what the price list says of its tokens',
    violations: `select format('call %s %s: %s in, %s out, cost %s of %s', id, status, input_tokens, output_tokens, cost_nanos, hold_nanos) as what from models.call
      where model = 'openai/gpt-4o-mini' and not own_key and cached_tokens = 0 and status in ('succeeded', 'failed', 'cancelled') and not cached
        and case when channel_id is null then cost_nanos <> 0
          else cost_nanos <> least(hold_nanos, ceil((input_tokens * 150 + output_tokens * 600) * 1.14)) end`,
  },
  {
    invariant: 'the losses of the operator are booked as calls say them',
    violations: `select format('%s: calls lost %s, booked %s', c.org_id, c.loss, a.balance) as what
      from (select org_id, sum(loss_nanos) as loss from models.call where hold_id is not null group by 1) c
      join ledger.account a on a.org_id = c.org_id and a.mode = 'live' and a.kind = 'provider_cost' where a.balance <> c.loss`,
  },
];

const LOST = 'I7 what a client got whole is in history at that cost';

/** Every receipt against history. */
export async function lostReceipts(query: Stage['query'], receipts: readonly Receipt[]): Promise<Violation[]> {
  const rows = await query<{ id: string; status: string; cost_nanos: string; output_tokens: string }>(
    'select id, status, cost_nanos, output_tokens from models.call where id = any ($1)',
    [receipts.map(({ callId }) => callId)],
  );
  const known = new Map(rows.map((row) => [row.id, row]));
  const faults = receipts.flatMap(({ callId, costNanos, outputTokens }) => {
    const row = known.get(callId);
    const isSame =
      row?.status === 'succeeded' &&
      (costNanos === undefined || row.cost_nanos === costNanos) &&
      (outputTokens === undefined || row.output_tokens === String(outputTokens));
    return isSame ? [] : [`${callId}: got ${costNanos} for ${outputTokens}, history says ${JSON.stringify(row)}`];
  });
  return faults.slice(0, 20).map((what) => ({ invariant: LOST, what }));
}

const SECRET = 'I10 no key of a provider is written anywhere';

/** Every row of every table, and what was logged. */
export async function leaked(stage: Stage, secrets: readonly string[]): Promise<Violation[]> {
  const tables = await stage.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await stage.query(`select 1 from ${name} t where t::text like any ($1) limit 1`, [
      secrets.map((secret) => `%${secret}%`),
    ]);
    if (rows.length > 0) found.push(name);
  }
  const { logFile } = stage.ground;
  const logged = logFile ? await readFile(logFile, 'utf8').catch(() => '') : '';
  if (secrets.some((secret) => logged.includes(secret))) found.push('the log');
  return found.map((what) => ({ invariant: SECRET, what }));
}

/** What the rows and the platform itself say. */
export async function callViolations({ query, server }: Stage): Promise<Violation[]> {
  return [...(await broken([...GENERAL_CHECKS, ...CALL_CHECKS], query)), ...(await ownVerdict({ server }))];
}

/** Names of all that is looked at, for reports. */
export const CALL_INVARIANTS: readonly string[] = [
  ...new Set([...GENERAL_CHECKS, ...CALL_CHECKS].map(({ invariant }) => invariant)),
  'the books verify',
  LOST,
  SECRET,
];
