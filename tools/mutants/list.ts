/** Bugs that have cost others money or data, planted one at a time. Each must be caught by the test it names. */

export interface Edit {
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant extends Edit {
  readonly bug: string;
  /** A second line of defence, which would hide the bug. */
  readonly also?: Edit;
  /** Arguments of vitest: a file, and where it holds much, `-t` with a title. */
  readonly caughtBy: readonly string[];
}

const MIGRATIONS = 'apps/server/migrations';
const SERVER = 'apps/server/src';
const CHAOS = 'apps/server/test/chaos';

const RUNS: readonly Mutant[] = [
  {
    bug: 'a checkpoint does not look at the fence',
    file: `${MIGRATIONS}/0031-runs-functions.sql`,
    find: `    where id = p_run and fence = p_fence and status = 'running'
    returning event_seq into v_last;`,
    replace: `    where id = p_run and status = 'running'
    returning event_seq into v_last;`,
    caughtBy: [`${CHAOS}/small.test.ts`],
  },
  {
    bug: 'a finished step is written over',
    file: `${MIGRATIONS}/0031-runs-functions.sql`,
    find: `      where s.status <> 'succeeded';`,
    replace: `      where true;`,
    caughtBy: [`${CHAOS}/small.test.ts`],
  },
  {
    bug: 'an end can be written over (the guard is dropped)',
    file: `${MIGRATIONS}/0030-runs-tables.sql`,
    find: 'create trigger guard_terminal before insert or update on runs.run for each row execute function runs.guard_terminal();',
    replace: '',
    caughtBy: [`${CHAOS}/small.test.ts`],
  },
  {
    bug: 'a failed run costs its base price',
    file: `${SERVER}/modules/runs/engine/settle.ts`,
    find: 'costNanos: succeeded ? (',
    replace: 'costNanos: run.base_nanos >= 0n ? (',
    caughtBy: ['apps/server/test/api/runs.test.ts', '-t', 'costs nothing'],
  },
  {
    bug: 'the end of a run leaves no audit row',
    file: `${MIGRATIONS}/0034-runs-one-statement.sql`,
    find: `  perform audit.append(v_org, p ->> 'auditId', runs.actor_type(r.key_id), r.key_id, 'run.' || v_status, 'run', r.id, r.request_id, '{}');`,
    replace: '',
    caughtBy: [`${CHAOS}/small.test.ts`],
  },
];

const MONEY: readonly Mutant[] = [
  {
    bug: 'the balance is checked first and counted later',
    file: `${MIGRATIONS}/0011-ledger-books.sql`,
    find: `  perform pg_advisory_xact_lock(hashtextextended(p_org || ' ' || p_mode, 3));
  return (select a.balance from ledger.account a where a.org_id = p_org and a.mode = p_mode and a.kind = 'available' and a.closed_at is null for update);`,
    replace: `  return (select a.balance from ledger.account a where a.org_id = p_org and a.mode = p_mode and a.kind = 'available');`,
    caughtBy: [`${SERVER}/modules/ledger/races.test.ts`],
  },
  {
    bug: 'the identity of usage has no unique key',
    file: `${MIGRATIONS}/0014-metering-usage-and-prices.sql`,
    find: `  occurred_at timestamptz not null,
  primary key (org_id, source, id)
);`,
    replace: `  occurred_at timestamptz not null
);`,
    caughtBy: [`${SERVER}/modules/metering/metering.test.ts`, '-t', 'counted once for ever'],
  },
  {
    bug: 'a hold can be settled twice',
    file: `${MIGRATIONS}/0012-ledger-holds.sql`,
    find: `if h.state <> 'open' or (p_run is not null and p_run <> h.run_id) then`,
    replace: `if p_run is not null and p_run <> h.run_id then`,
    caughtBy: [`${SERVER}/modules/ledger/ledger.test.ts`],
  },
  {
    bug: 'a released hold does not give the balance back',
    file: `${MIGRATIONS}/0012-ledger-holds.sql`,
    find: `array['available', 'held', 'spent'], array[v_rest, -(v_rest + v_own), v_own]`,
    replace: `array['spent', 'held', 'available'], array[v_rest, -(v_rest + v_own), v_own]`,
    caughtBy: [`${SERVER}/modules/ledger/ledger.test.ts`],
  },
  {
    bug: 'a called run may take more than its caller holds',
    file: `${MIGRATIONS}/0012-ledger-holds.sql`,
    find: `(v_parent.state <> 'open' or v_parent.amount - v_parent.drawn < p_amount)`,
    replace: `(v_parent.state <> 'open')`,
    caughtBy: [`${SERVER}/modules/ledger/tree.test.ts`],
  },
];

const TENANTS: readonly Mutant[] = [
  {
    bug: 'one table is without row-level security',
    file: `${MIGRATIONS}/0030-runs-tables.sql`,
    find: `call platform.protect_tenant_table('runs.approval');`,
    replace: 'grant select, insert, update, delete on runs.approval to guildhall_app, guildhall_definer;',
    caughtBy: ['apps/server/test/api/tenancy.test.ts', '-t', 'forced row-level security'],
  },
  {
    bug: 'the organisation is set for the connection instead of the transaction',
    file: `${SERVER}/platform/db/db.ts`,
    find: 'escapeLiteral(orgId)}, true)',
    replace: 'escapeLiteral(orgId)}, false)',
    caughtBy: [`${CHAOS}/pool.test.ts`],
  },
  {
    bug: 'a revoked key stays in the memory of other processes',
    file: `${SERVER}/modules/identity/memory.ts`,
    find: `(_channel, named) => options.onAnnouncement(named)`,
    replace: `(_channel, _named) => {}`,
    caughtBy: [`${SERVER}/modules/identity/authentication.test.ts`, '-t', 'refused by the others within a second'],
  },
];

const DELIVERY: readonly Mutant[] = [
  {
    bug: 'the answer to an idempotent request is not stored with its effects',
    file: `${SERVER}/platform/http/idempotency.ts`,
    find: `  const answer = await work();
  await sql`,
    replace: `  const answer = await work();
  if (answer) return answer;
  await sql`,
    caughtBy: [`${CHAOS}/lost-answers.test.ts`, '-t', 'the same run when asked again'],
  },
  {
    bug: 'events leave the outbox before their readers have run',
    file: `${SERVER}/platform/outbox/index.ts`,
    find: 'any($' + '{ids}::text[]) returning id`.execute(tx);',
    // The deletion is committed before anybody reads.
    replace:
      'any($' +
      '{ids}::text[]) returning id`.execute(tx);\n      await sql`commit`.execute(tx);\n      await sql`begin`.execute(tx);',
    caughtBy: [`${SERVER}/platform/outbox/outbox.test.ts`],
  },
  {
    bug: 'the reaper takes the tasks of living workers',
    file: `${MIGRATIONS}/0002-platform-durable.sql`,
    find: `where w.ended_at is null and w.heartbeat_at < instant - p_lease`,
    replace: `where w.ended_at is null and w.heartbeat_at < instant`,
    caughtBy: [`${SERVER}/platform/durable/durable.test.ts`],
  },
  {
    bug: 'an outage of the database counts against the lease of every worker',
    file: `${MIGRATIONS}/0002-platform-durable.sql`,
    find: `  if away > interval '0' then`,
    replace: `  if false then`,
    caughtBy: [`${SERVER}/platform/durable/durable.test.ts`],
  },
  {
    bug: 'a claim ignores the cap of a lane',
    file: `${MIGRATIONS}/0002-platform-durable.sql`,
    find: `where c.place + coalesce(l.n, 0) <= c.lane_max`,
    replace: `where true`,
    caughtBy: [`${SERVER}/platform/durable/durable.test.ts`],
  },
];

const MODELS = `${SERVER}/modules/models`;

const GATEWAY: readonly Mutant[] = [
  {
    bug: 'calls are checked against the balance before anybody locks it',
    file: `${MIGRATIONS}/0050-ledger-holds-in-batches.sql`,
    find: `    perform ledger.lock_money(p_books -> i ->> 'org', p_books -> i ->> 'mode');`,
    replace: '    perform 1;',
    also: {
      file: `${MIGRATIONS}/0011-ledger-books.sql`,
      find: `constraint never_negative check (kind not in ('available', 'held') or balance >= 0)`,
      replace: 'constraint never_negative check (true)',
    },
    caughtBy: [`${CHAOS}/models-race.test.ts`, '-t', '1,000 calls at once'],
  },
  {
    bug: 'a call can be settled twice',
    file: `${MIGRATIONS}/0050-ledger-holds-in-batches.sql`,
    find: `    elsif h.state <> 'open' then
      v_answer.outcome := case`,
    replace: `    elsif h.state = 'expired' then
      v_answer.outcome := case`,
    caughtBy: [`${MODELS}/book/book.test.ts`, '-t', 'answer the same when asked the same again'],
  },
  {
    bug: 'what a provider says it used is charged beyond the hold',
    file: `${MIGRATIONS}/0050-ledger-holds-in-batches.sql`,
    find: `charged := least(v_cost, h.amount);`,
    replace: `charged := v_cost;`,
    caughtBy: [`${CHAOS}/models-faults.test.ts`, '-t', 'more than was reserved'],
  },
  {
    bug: 'a stream is given without a hold',
    file: `${MODELS}/call/gateway.ts`,
    find: `if (!answer.ok) throw refusalOf(answer);`,
    replace: `if (!answer.ok && !facts.stream) throw refusalOf(answer);`,
    caughtBy: [`${CHAOS}/models-faults.test.ts`, '-t', 'the money does not cover'],
  },
  {
    bug: 'a stream that was cut costs nothing',
    file: `${MODELS}/call/stream.ts`,
    find: `const delivered = { ...reported, text, given`,
    replace: `const delivered = { ...reported, text: '', given`,
    caughtBy: [`${CHAOS}/models-faults.test.ts`, '-t', 'costs what was delivered'],
  },
  {
    bug: 'the key of a kept answer does not name its organisation',
    file: `${MODELS}/cache/keys.ts`,
    find: `canonical([orgId, mode, kind, ...parts])`,
    replace: `canonical([mode, kind, ...parts])`,
    caughtBy: ['apps/server/test/api/models-cache.test.ts', '-t', 'never gets what another paid for'],
  },
  {
    bug: 'the breaker never opens',
    file: `${MODELS}/upstream/breaker.ts`,
    find: `else if (this.#inRow >= IN_A_ROW_MAX || this.#isMostlyFailing()) this.#open(this.#openedMs);`,
    replace: ``,
    caughtBy: [`${CHAOS}/models-faults.test.ts`, '-t', 'left alone after at most ten failures'],
  },
  {
    bug: 'the end of a stream is given before it is settled',
    file: `${MODELS}/call/stream.ts`,
    find: `        await this.settle('succeeded');
        yield last;`,
    replace: `        yield last;
        await this.settle('succeeded');`,
    caughtBy: [`${CHAOS}/models-crash.test.ts`, '-t', 'told when the settlement has committed'],
  },
  {
    bug: 'the hold of a call that nobody settled is never taken back',
    file: `${MIGRATIONS}/0050-ledger-holds-in-batches.sql`,
    find: `where h.expires_at <= platform.now() order by h.expires_at limit 1`,
    replace: `where h.expires_at <= platform.now() and h.parent_id is not null order by h.expires_at limit 1`,
    caughtBy: [`${CHAOS}/models-crash.test.ts`, '-t', 'before the provider is asked charges nothing'],
  },
];

export const MUTANTS: readonly Mutant[] = [...RUNS, ...MONEY, ...TENANTS, ...DELIVERY, ...GATEWAY];
