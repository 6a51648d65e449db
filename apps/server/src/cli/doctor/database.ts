/** Checks that ask the database, through the platform composed on it. */
import { sql } from '../../platform/db/index.ts';
import { type OpenPlatform, verifyBooks } from '../books.ts';
import { formatDuration } from '../text.ts';
import type { Check } from './check.ts';

// What the migrations need (functions with SQL bodies), and what the tests run on.
const POSTGRES_MIN = 14;
const POSTGRES_TESTED = 18;
const SKEW_WARN_MS = 1_000;
const SKEW_FAIL_MS = 30_000;
// A quiet system starts work within 0.1 s and sends events within a second.
const QUEUE_WARN_MS = 60_000;
const OUTBOX_WARN_SECONDS = 60;
const CODES_SHOWN = 5;

export async function platformChecks(open: OpenPlatform): Promise<readonly Check[]> {
  return [
    await checkVersion(open),
    await checkRoles(open),
    await checkTables(open),
    await checkSkew(open),
    await checkQueue(open),
    await checkOutbox(open),
    await checkLedger(open),
    await checkSecrets(open),
  ];
}

async function checkVersion({ foundation }: OpenPlatform): Promise<Check> {
  const name = 'database';
  const found = await foundation.db.direct((tx) =>
    sql<{ version: string }>`select current_setting('server_version') as version`.execute(tx),
  );
  const version = found.rows[0]?.version ?? '';
  const major = Number.parseInt(version, 10);
  const detail = `PostgreSQL ${version} answers`;
  if (major < POSTGRES_MIN)
    return {
      name,
      level: 'fail',
      detail,
      advice: `Use PostgreSQL ${POSTGRES_TESTED}; below ${POSTGRES_MIN} nothing works.`,
    };
  if (major !== POSTGRES_TESTED)
    return { name, level: 'warn', detail, advice: `Guildhall is tested on PostgreSQL ${POSTGRES_TESTED}.` };
  return { name, level: 'pass', detail };
}

/** The roles that serve requests must be bound by row-level security. */
async function checkRoles({ foundation }: OpenPlatform): Promise<Check> {
  const name = 'tenant roles';
  const found = await foundation.db.direct((tx) =>
    sql<{ rolname: string }>`
      select rolname from pg_catalog.pg_roles
      where rolname in ('guildhall_app', 'guildhall_system', 'guildhall_definer') and (rolbypassrls or rolsuper)
      order by rolname`.execute(tx),
  );
  const loose = found.rows.map((row) => row.rolname);
  if (loose.length === 0) return { name, level: 'pass', detail: 'none can bypass row-level security' };
  const advice = loose.map((role) => `alter role ${role} nosuperuser nobypassrls;`).join(' ');
  return {
    name,
    level: 'fail',
    detail: `${loose.join(', ')} can bypass row-level security`,
    advice: `As the owner of the database: ${advice}`,
  };
}

/** Every table that belongs to organisations must be under forced row-level security, also for its owner. Partitions are reached through their table. */
async function checkTables({ foundation }: OpenPlatform): Promise<Check> {
  const name = 'tenant tables';
  const found = await foundation.db.direct((tx) =>
    sql<{ name: string; guarded: boolean }>`
      select n.nspname || '.' || c.relname as name, c.relrowsecurity and c.relforcerowsecurity as guarded
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
      where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
      order by 1`.execute(tx),
  );
  const open = found.rows.filter((row) => !row.guarded).map((row) => row.name);
  if (open.length === 0)
    return { name, level: 'pass', detail: `${found.rows.length} tables, all under forced row-level security` };
  const advice = open
    .map((table) => `alter table ${table} enable row level security, force row level security;`)
    .join(' ');
  return {
    name,
    level: 'fail',
    detail: `not guarded: ${open.join(', ')}`,
    advice: `As the owner of the database: ${advice}`,
  };
}

async function checkSkew({ foundation }: OpenPlatform): Promise<Check> {
  const { clock, db } = foundation;
  const before = clock.now().getTime();
  const found = await db.direct((tx) => sql<{ now: Date }>`select clock_timestamp() as now`.execute(tx));
  const after = clock.now().getTime();
  const theirs = found.rows[0]?.now.getTime() ?? before;
  // The answer was made somewhere between the two readings: only what lies outside of them is skew.
  const skewMs = Math.max(0, before - theirs, theirs - after);
  const name = 'clock';
  const detail = `${formatDuration(skewMs)} apart from the database`;
  if (skewMs < SKEW_WARN_MS) return { name, level: 'pass', detail };
  const advice =
    'Let both machines keep time by NTP (timedatectl set-ntp true). Leases go by the database, links and keys by this one.';
  return { name, level: skewMs < SKEW_FAIL_MS ? 'warn' : 'fail', detail, advice };
}

async function checkQueue({ foundation, platform }: OpenPlatform): Promise<Check> {
  const counts = await platform.durable.counts();
  const queued = counts.find((row) => row.state === 'queued');
  const waitedMs = queued?.oldestDueAt ? foundation.clock.now().getTime() - queued.oldestDueAt.getTime() : 0;
  const waited = waitedMs > 0 ? `, the oldest due for ${formatDuration(waitedMs)}` : '';
  const detail = `${queued?.n ?? 0n} queued${waited}`;
  if (waitedMs < QUEUE_WARN_MS) return { name: 'queue', level: 'pass', detail };
  const advice = 'Is a worker running? If it is, add one (guildhall worker) or raise WORKER_SLOTS.';
  return { name: 'queue', level: 'warn', detail, advice };
}

async function checkOutbox({ foundation }: OpenPlatform): Promise<Check> {
  const found = await foundation.db.system((tx) =>
    sql<{ seconds: number | null }>`select extract(epoch from platform.outbox_age())::float8 as seconds`.execute(tx),
  );
  const seconds = found.rows[0]?.seconds ?? undefined;
  if (seconds === undefined) return { name: 'outbox', level: 'pass', detail: 'empty' };
  const detail = `the oldest event is ${formatDuration(seconds * 1_000)} old`;
  if (seconds < OUTBOX_WARN_SECONDS) return { name: 'outbox', level: 'pass', detail };
  return {
    name: 'outbox',
    level: 'warn',
    detail,
    advice: 'Events are sent by workers: start one, and look into its log for what keeps failing.',
  };
}

async function checkLedger(open: OpenPlatform): Promise<Check> {
  const findings = await verifyBooks(open);
  if (findings.length === 0) return { name: 'ledger', level: 'pass', detail: 'the books balance' };
  const codes = [...new Set(findings.map((one) => one.code))];
  const detail = `${findings.length} differences: ${codes.slice(0, CODES_SHOWN).join(', ')}`;
  return {
    name: 'ledger',
    level: 'fail',
    detail,
    advice: 'guildhall ledger verify names each one. Change nothing by hand; keep a copy of the database.',
  };
}

async function checkSecrets({ platform }: OpenPlatform): Promise<Check> {
  const name = 'secrets';
  const entries = await platform.inventory.list();
  const due = entries.filter(({ isDue }) => isDue);
  if (due.length === 0) return { name, level: 'pass', detail: `${entries.length} in use, none due for rotation` };
  const detail = `due for rotation: ${due.map((one) => `${one.name} (since ${one.rotatedAt.toISOString().slice(0, 10)})`).join(', ')}`;
  return {
    name,
    level: 'warn',
    detail,
    advice: 'docs/access/secrets.md says for each how to change it while everything runs.',
  };
}
