/**
 * What must hold whatever was killed. Each invariant is recomputed from the rows by statements of its own, beside what the
 * platform says about itself, so that one mistake cannot hide in both.
 */
import { runHistory } from '../../src/modules/runs/index.ts';
import type { Server } from '../../src/serve.ts';

export interface Inspected {
  readonly server: Server;
  /** Runs that a client was told exist. */
  readonly acknowledged: ReadonlySet<string>;
  query<T>(text: string, values?: unknown[]): Promise<T[]>;
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

/** A statement whose rows are violations, each with `what`. */
export interface Check {
  readonly invariant: string;
  readonly violations: string;
}

const CHECKS: readonly Check[] = [
  {
    invariant: 'I1 every transfer sums to zero',
    violations: `select format('transfer %s of %s: %s', transfer_seq, org_id, sum(amount)) as what
      from ledger.entry group by org_id, transfer_seq having sum(amount) <> 0`,
  },
  {
    invariant: 'I1 the book sums to zero',
    violations: `select format('%s %s: %s', org_id, mode, sum(balance)) as what from ledger.account group by org_id, mode having sum(balance) <> 0`,
  },
  {
    invariant: 'I2 a balance is the sum of its entries',
    violations: `select format('%s %s/%s: %s, entries %s', a.org_id, a.mode, a.kind, a.balance, coalesce(e.total, 0)) as what
      from ledger.account a left join (select org_id, mode, account, sum(amount) as total from ledger.entry group by 1, 2, 3) e
        on (e.org_id, e.mode, e.account) = (a.org_id, a.mode, a.kind)
      where a.balance <> coalesce(e.total, 0)`,
  },
  {
    invariant: 'I3 no balance below zero, no budget above its limit',
    violations: `select format('%s %s/%s: %s', org_id, mode, kind, balance) as what from ledger.account where kind in ('available', 'held') and balance < 0
      union all select format('budget %s: %s of %s', id, spent + held, limit_nanos) from ledger.budget where hard and spent + held > limit_nanos`,
  },
  {
    invariant: 'I4 one result per step, counted once',
    violations: `select format('run %s step %s: %s results', run_id, key, count(*)) as what from runs.step group by run_id, key having count(*) > 1
      union all
      select format('run %s counts %s steps and has %s', r.id, r.step_count, count(s.key)) from runs.run r
        left join runs.step s on s.run_id = r.id and s.status <> 'running' group by r.id having r.step_count <> count(s.key)
      union all
      select format('run %s succeeded with an open step %s', r.id, s.key) from runs.run r join runs.step s on s.run_id = r.id
        where r.status = 'succeeded' and s.status = 'running' and s.kind not in ('agent', 'approval', 'timer')`,
  },
  {
    invariant: 'I4 events number without gaps and end with the one end',
    violations: `select format('run %s: %s events, last %s, said %s', r.id, count(e.seq), max(e.seq), r.event_seq) as what
      from runs.run r left join runs.event e on e.run_id = r.id group by r.id
      having count(e.seq) <> r.event_seq or coalesce(max(e.seq), 0) <> r.event_seq or coalesce(min(e.seq), 1) <> 1
      union all
      select format('run %s: %s events of its end', r.id, count(e.seq)) from runs.run r
        left join runs.event e on e.run_id = r.id and e.type = 'status' and e.data ->> 'status' in ('succeeded', 'failed', 'cancelled')
        where r.finished_at is not null group by r.id
        having count(e.seq) <> 1 or max(e.seq) <> max(r.event_seq) or max(e.data ->> 'status') <> max(r.status)`,
  },
  {
    invariant: 'I5 usage, debits and the cost of runs are one',
    violations: `with usage as (select run_id, sum(cost_nanos) as nanos, count(*) filter (where reverses is null) as records from metering.usage group by 1),
      debit as (select t.run_id, sum(e.amount) as nanos from ledger.transfer t join ledger.entry e on e.org_id = t.org_id and e.transfer_seq = t.seq
        where t.run_id is not null and e.account in ('spent', 'refunds') group by 1)
      select format('run %s cost %s, used %s in %s records, was charged %s', r.id, r.cost_nanos, u.nanos, u.records, d.nanos) as what
      from runs.run r left join usage u on u.run_id = r.id left join debit d on d.run_id = r.id
      where r.cost_nanos <> coalesce(u.nanos, 0) or r.cost_nanos <> coalesce(d.nanos, 0)
        or coalesce(u.records, 0) <> (r.finished_at is not null)::int
      union all
      select format('call %s cost %s, used %s, was charged %s', c.id, c.cost_nanos, u.nanos, d.nanos)
      from models.call c left join usage u on u.run_id = c.id left join debit d on d.run_id = c.id
      where c.cost_nanos <> coalesce(u.nanos, 0) or c.cost_nanos <> coalesce(d.nanos, 0)
      union all
      select format('run %s pays %s for what it called, which cost %s', r.id, r.called_nanos, k.nanos) from runs.run r
        cross join lateral (select coalesce(sum(x.nanos), 0) as nanos from (
          select c.cost_nanos as nanos from models.call c where c.run_id = r.id
          union all select x.cost_nanos + x.called_nanos from runs.run x where x.parent_run_id = r.id and x.finished_at is not null) x) k
        where r.called_nanos <> k.nanos
      union all
      select format('usage of the unknown run %s', u.run_id) from usage u
        where not exists (select 1 from runs.run r where r.id = u.run_id) and not exists (select 1 from models.call c where c.id = u.run_id)
      union all
      select format('cost %s, usage %s, spent %s', c.nanos, s.nanos, a.nanos) from
        (select coalesce((select sum(cost_nanos) from runs.run), 0) + coalesce((select sum(cost_nanos) from models.call), 0) as nanos) c, (select coalesce(sum(cost_nanos), 0) as nanos from metering.usage) s,
        (select coalesce(sum(balance), 0) as nanos from ledger.account where kind in ('spent', 'refunds')) a
        where c.nanos <> s.nanos or s.nanos <> a.nanos`,
  },
  {
    invariant: 'I5 the losses of the operator are booked as calls say them',
    violations: `select format('%s %s: calls lost %s, booked %s', a.org_id, a.mode, coalesce(c.loss, 0), a.balance) as what from ledger.account a
      left join (select org_id, mode, sum(loss_nanos) as loss from models.call group by 1, 2) c on (c.org_id, c.mode) = (a.org_id, a.mode)
      where a.kind = 'provider_cost' and a.balance <> coalesce(c.loss, 0)`,
  },
  {
    invariant: 'I6 what belongs to a run belongs to its organisation',
    violations: ['step', 'event', 'artifact', 'approval', 'dead_letter']
      .map((table) => `select 'runs.${table}'::text as place, run_id, org_id from runs.${table}`)
      .concat(
        "select 'durable.task', id, org_id from durable.task",
        "select 'ledger.hold', run_id, org_id from ledger.hold",
        "select 'ledger.transfer', run_id, org_id from ledger.transfer where run_id is not null",
        "select 'metering.usage', run_id, org_id from metering.usage",
        "select 'audit.event', target_id, org_id from audit.event where target_type = 'run'",
        "select 'models.call', run_id, org_id from models.call where run_id is not null",
        "select 'runs.run', parent_run_id, org_id from runs.run where parent_run_id is not null",
      )
      .join(' union all ')
      .replace(
        /^[\s\S]*$/,
        (rows) => `select format('%s of run %s lies with %s', x.place, x.run_id, x.org_id) as what from (${rows}) x
          left join (select id, org_id from runs.run union all select id, org_id from models.call) r on r.id = x.run_id
          where r.org_id is distinct from x.org_id`,
      ),
  },
  {
    invariant: 'I6 every table of tenants is under forced row-level security, which our roles cannot pass',
    violations: `select format('%s.%s', n.nspname, c.relname) as what from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
        where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
          and not (c.relrowsecurity and c.relforcerowsecurity) and has_table_privilege('guildhall_app', c.oid, 'select')
      union all
      select rolname from pg_roles where rolname in ('guildhall_app', 'guildhall_system') and (rolsuper or rolbypassrls)
      union all
      select format('%I.%I is owned by %s', schemaname, tablename, tableowner) from pg_tables where tableowner in ('guildhall_app', 'guildhall_system')`,
  },
  {
    invariant: 'I8 the outbox has been handed out',
    violations: `select format('%s %s of %s', type, id, data ->> 'runId') as what from platform.outbox`,
  },
  {
    invariant: 'I9 one audit row for each mutation',
    violations: `select format('run %s: %s rows of its start', r.id, count(e.id)) as what from runs.run r
        left join audit.event e on e.org_id = r.org_id and e.target_id = r.id and e.action = 'run.start' group by r.id having count(e.id) <> 1
      union all
      select format('run %s: %s rows of its end', r.id, count(e.id)) from runs.run r
        left join audit.event e on e.org_id = r.org_id and e.target_id = r.id and e.action = 'run.' || r.status
        where r.finished_at is not null group by r.id having count(e.id) <> 1
      union all
      select format('approval %s: %s rows of its decision', a.id, count(e.id)) from runs.approval a
        left join audit.event e on e.org_id = a.org_id and e.target_id = a.id and e.action = 'approval.' || a.decision
        where a.decided_by is not null group by a.id having count(e.id) <> 1
      union all
      select format('%s has %s keys and %s rows of their making', k.org_id, k.n, e.n) from (select org_id, count(*) as n from identity.api_key group by 1) k
        left join (select org_id, count(*) as n from audit.event where action in ('organisation.create', 'key.create', 'key.rotate') group by 1) e
          on e.org_id = k.org_id where k.n is distinct from e.n
      union all
      select format('%s has not reached its chain', id) from audit.outgoing`,
  },
  {
    invariant: 'I9 the audit chain is whole',
    violations: `select format('%s row %s: %s', org_id, seq, fault) as what from audit.broken_chains()`,
  },
  {
    invariant: 'I11 nothing is left behind',
    violations: `select format('task %s runs on %s, which has ended', t.id, w.id) as what from durable.task t join durable.worker w on w.id = t.worker_id where w.ended_at is not null
      union all
      select format('task of run %s, which has ended', t.id) from durable.task t join runs.run r on r.id = t.id where r.finished_at is not null
      union all
      select format('run %s lives without a task', r.id) from runs.run r where r.finished_at is null and not exists (select 1 from durable.task t where t.id = r.id)
      union all
      select format('hold %s of run %s, which has ended', h.id, h.run_id) from ledger.hold h join runs.run r on r.id = h.run_id where h.state = 'open' and r.finished_at is not null
      union all
      select format('hold %s was asked for and not taken up', hold_id) from ledger.outgoing
      union all
      select format('hold %s of call %s, which has ended', h.id, h.run_id) from ledger.hold h join models.call c on c.id = h.run_id where h.state = 'open' and c.status <> 'open'
      union all
      select format('call %s of run %s, which has ended', c.id, c.run_id) from models.call c join runs.run r on r.id = c.run_id where c.status = 'open' and r.finished_at is not null
      union all
      select format('hold %s of no run', h.id) from ledger.hold h
        where not exists (select 1 from runs.run r where r.id = h.run_id) and not exists (select 1 from models.call c where c.id = h.run_id)`,
  },
];

/** Those that say nothing of runs, so that they hold of any use of the platform. */
export const GENERAL_CHECKS: readonly Check[] = CHECKS.filter(({ invariant }) =>
  /^(I1 |I2 |I3 |I6 every|I8 |I9 the audit)/.test(invariant),
);

/** Tries to rewrite an end, in a statement that takes itself back if it is let through. */
async function rewritten({ query }: Inspected): Promise<Violation[]> {
  const attempt = `do $$ declare n int; begin
      update runs.run set status = case status when 'failed' then 'succeeded' else 'failed' end where finished_at is not null;
      get diagnostics n = row_count;
      if n > 0 then raise exception '% ends could be rewritten', n using errcode = 'GH999'; end if;
    end $$`;
  const code = await query(attempt).then(
    () => undefined,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
  if (code === undefined || code === 'GH001') return [];
  return [{ invariant: 'I4 an end is for ever', what: `a rewrite met ${code} instead of the guard` }];
}

async function lostRuns({ query, acknowledged }: Inspected): Promise<Violation[]> {
  const ended = await query<{ id: string }>('select id from runs.run where finished_at is not null');
  const known = new Set(ended.map((row) => row.id));
  return [...acknowledged]
    .filter((id) => !known.has(id))
    .map((id) => ({
      invariant: 'I7 what was acknowledged exists and ended',
      what: `run ${id}`,
    }));
}

/** Each event that a reader was to see was seen once: `notify` keeps one row per event, under the event's own id. */
async function undelivered({ query }: Inspected): Promise<Violation[]> {
  const known = await query<{ there: boolean }>(
    "select to_regclass('notify.event') is not null and to_regclass('notify.endpoint') is not null as there",
  );
  if (!known[0]?.there) return [];
  const rows = await query<{ what: string }>(
    `select format('run %s: %s events of its end', r.id, count(distinct e.id)) as what
     from runs.run r left join notify.event e on e.org_id = r.org_id and e.type = 'run.' || r.status || '.v1' and e.body::jsonb #>> '{data,runId}' = r.id
     where r.finished_at is not null and exists (select 1 from notify.endpoint p where p.org_id = r.org_id)
     group by r.id having count(distinct e.id) <> 1`,
  );
  return rows.map(({ what }) => ({ invariant: 'I8 every end was handed out under one id', what }));
}

/** What the platform itself says about its books. */
export async function ownVerdict({ server }: Pick<Inspected, 'server'>): Promise<Violation[]> {
  const { ledger, metering, audit } = server.platform;
  const { db } = server.foundation;
  const findings = await ledger.verify({
    usageByRun: (orgId) => metering.usageByRun(orgId),
    usageDifferences: (orgId) => metering.differences(orgId),
    runHistory: async (orgId) => [...(await runHistory(db, orgId)), ...(await server.platform.models.history(orgId))],
    brokenChains: () => audit.verifyAll(db),
  });
  return findings.map((finding) => ({
    invariant: 'the books verify',
    what: `${finding.code} ${finding.object}: ${finding.found} instead of ${finding.expected}`,
  }));
}

/** The rows that break one of the checks. */
export async function broken(checks: readonly Check[], query: Inspected['query']): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { invariant, violations } of checks) {
    const rows = await query<{ what: string }>(`${violations} limit 20`);
    found.push(...rows.map(({ what }) => ({ invariant, what })));
  }
  return found;
}

/** Every violation there is; empty when all holds. To be called when nothing is under way. */
export async function findViolations(inspected: Inspected): Promise<Violation[]> {
  const found = await broken(CHECKS, inspected.query);
  for (const look of [rewritten, lostRuns, undelivered, ownVerdict]) found.push(...(await look(inspected)));
  return found;
}

/** Names of all invariants looked at, for reports. */
export const INVARIANTS: readonly string[] = [
  ...new Set([
    ...CHECKS.map(({ invariant }) => invariant),
    'I4 an end is for ever',
    'I7 what was acknowledged exists and ended',
    'I8 every end was handed out under one id',
    'the books verify',
  ]),
];
