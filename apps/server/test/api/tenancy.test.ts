/** Isolation of organisations where it is enforced: in the database, found from its catalogue, so that a new table cannot be forgotten. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDb, type Db, sql } from '../../src/platform/db/index.ts';
import { createWorld, type World } from './world.ts';

interface Table {
  readonly name: string;
  readonly secured: boolean;
  readonly policies: readonly string[];
  readonly select: boolean;
  readonly insert: boolean;
  readonly update: boolean;
  readonly remove: boolean;
}

/** Without org_id and reached by the application: what belongs to the whole installation. Rate windows are keyed by hashes that hold the tenant. */
const SHARED = [
  { name: 'identity.beta_code', changes: true },
  { name: 'metering.agent_price', changes: false },
  { name: 'metering.model_price', changes: false },
  { name: 'metering.price_version', changes: false },
  { name: 'metering.tier', changes: false },
  // The operator's routes change these in the transaction of their audit row. A key of a provider opens for the address alone that it was
  // sealed with.
  { name: 'models.choice', changes: true },
  { name: 'models.provider', changes: true },
  { name: 'ops.opened_networks', changes: true },
  { name: 'ops.rate_limit', changes: true },
  { name: 'platform.rate_window', changes: true },
];

/** Appends a price in the transaction that audits it, so that the application needs no right to change prices. */
const OPEN_TO_APPLICATION = ['metering.publish_model_price(jsonb)'];

const OURS = `n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_%'`;

const has = (column: string): string =>
  `exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = '${column}' and not a.attisdropped)`;

let world: World;
let owner: pg.Client;
let tables: readonly Table[];

beforeAll(async () => {
  world = await createWorld();
  owner = new pg.Client({ connectionString: world.platform.database.ownerUrl });
  await owner.connect();
  const found = await owner.query(`
    select n.nspname || '.' || quote_ident(c.relname) as name, c.relrowsecurity and c.relforcerowsecurity as secured,
      array(select p.polname::text from pg_policy p where p.polrelid = c.oid and p.polroles = '{0}') as policies,
      has_any_column_privilege('guildhall_app', c.oid, 'select') as select, has_any_column_privilege('guildhall_app', c.oid, 'insert') as insert,
      has_any_column_privilege('guildhall_app', c.oid, 'update') as update, has_table_privilege('guildhall_app', c.oid, 'delete') as remove
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and ${OURS}
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped)
    order by 1`);
  tables = found.rows as Table[];
}, 60_000);
afterAll(async () => {
  await owner.end();
  await world.close();
});

const reachable = (): Table[] => tables.filter((table) => table.select || table.insert || table.update || table.remove);

/** As the application role in its own transaction, for `orgId` or nobody. Always rolled back. */
async function asApp<T>(orgId: string | undefined, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.platform.database.appUrl });
  await client.connect();
  try {
    await client.query('begin');
    if (orgId !== undefined) await client.query(`select set_config('guildhall.org_id', $1, true)`, [orgId]);
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Rows touched, or the code of the refusal. */
async function attempt(client: pg.Client, text: string, values: unknown[]): Promise<number | string> {
  await client.query('savepoint attempt');
  try {
    return (await client.query(text, values)).rowCount ?? 0;
  } catch (error) {
    await client.query('rollback to attempt');
    return error instanceof pg.DatabaseError ? (error.code ?? '') : String(error);
  }
}
const FORBIDDEN = '42501';

describe('tables', () => {
  it('with org_id are under forced row-level security with the policy of tenants', () => {
    expect(tables.length).toBeGreaterThanOrEqual(20);
    expect(reachable().filter((table) => !table.secured || !table.policies.includes('tenant'))).toEqual([]);
    // What the application cannot reach at all (parts of a partitioned table) needs none, yet has it or no grant to anybody.
    expect(tables.filter((table) => !table.secured && reachable().includes(table))).toEqual([]);
  });

  it('of a person alone are under forced row-level security with the policy of persons', async () => {
    const found = await owner.query<{ name: string; secured: boolean; policies: string[] }>(`
      select n.nspname || '.' || c.relname as name, c.relrowsecurity and c.relforcerowsecurity as secured,
        array(select p.polname::text from pg_policy p where p.polrelid = c.oid and p.polroles = '{0}') as policies
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and ${OURS} and ${has('person_id')} and not ${has('org_id')} order by 1`);
    expect(found.rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['identity.person', 'identity.session']));
    expect(found.rows.filter(({ secured, policies }) => !secured || policies.join() !== 'person')).toEqual([]);
  });

  it('of nobody that the application can reach are those of the list, and it changes none of them', async () => {
    const found = await owner.query<{ name: string; changes: boolean }>(`
      select n.nspname || '.' || c.relname as name, has_table_privilege('guildhall_app', c.oid, 'insert, update, delete, truncate') as changes
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm') and ${OURS} and has_any_column_privilege('guildhall_app', c.oid, 'select')
        and not ${has('org_id')} and not ${has('person_id')}
      order by 1`);
    expect(found.rows).toEqual(SHARED);
  });

  it('show nothing to the application outside of an organisation', async () => {
    const seen = await asApp(undefined, async (client) => {
      const rows: Record<string, unknown> = {};
      for (const { name, select } of tables)
        if (select) rows[name] = (await client.query(`select org_id from ${name} limit 1`)).rowCount;
      return rows;
    });
    expect(Object.values(seen).filter((count) => count !== 0)).toEqual([]);
  });

  it('show no row of another organisation, and take none for it', async () => {
    const { own, foreign } = world;
    const tried: string[] = [];
    for (const { name, select, insert, update, remove } of reachable()) {
      const sample = await owner.query<{ row: object }>(
        `select to_jsonb(t) as row from ${name} t where org_id = $1 limit 1`,
        [foreign.orgId],
      );
      const row = sample.rows[0]?.row;
      if (row) tried.push(name);
      await asApp(own.orgId, async (client) => {
        const others = `from ${name} where org_id <> $1`;
        if (select) expect([name, await attempt(client, `select org_id ${others}`, [own.orgId])]).toEqual([name, 0]);
        if (remove) expect([name, await attempt(client, `delete ${others}`, [own.orgId])]).toEqual([name, 0]);
        if (update) {
          const text = `update ${name} set org_id = org_id where org_id <> $1`;
          expect([name, [0, FORBIDDEN].includes(await attempt(client, text, [own.orgId]))]).toEqual([name, true]);
          const given = await attempt(client, `update ${name} set org_id = $1`, [foreign.orgId]);
          // 0 where this organisation has no row either; 23503 where a foreign key speaks first.
          expect([name, [0, FORBIDDEN, '23503'].includes(given), given]).toEqual([name, true, given]);
        }
        if (insert && row) {
          const text = `insert into ${name} overriding system value select * from jsonb_populate_record(null::${name}, $1)`;
          expect([name, await attempt(client, text, [JSON.stringify(row)])]).toEqual([name, FORBIDDEN]);
        }
      });
    }
    expect(tried.length).toBeGreaterThanOrEqual(14);
  });
});

describe('roles', () => {
  it('of the program own nothing and cannot step over row-level security', async () => {
    const roles = await owner.query(`
      select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as mighty,
        exists (select from pg_shdepend d where d.refobjid = r.oid and d.deptype = 'o' and d.dbid = (select oid from pg_database where datname = current_database())) as owns,
        array(select m.roleid::regrole::text from pg_auth_members m where m.member = r.oid) as member_of
      from pg_roles r where rolname in ('guildhall_app', 'guildhall_system', 'guildhall_definer') order by 1`);
    expect(roles.rows).toEqual([
      { rolname: 'guildhall_app', mighty: false, owns: false, member_of: [] },
      { rolname: 'guildhall_definer', mighty: false, owns: true, member_of: [] },
      { rolname: 'guildhall_system', mighty: false, owns: false, member_of: [] },
    ]);
    const login = await owner.query(`select rolcanlogin from pg_roles where rolname = 'guildhall_definer'`);
    expect(login.rows).toEqual([{ rolcanlogin: false }]);
  });

  it('the system role reads and changes no table, and executes named functions alone', async () => {
    const found = await owner.query(`
      select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm') and ${OURS} and (has_any_column_privilege('guildhall_system', c.oid, 'select, insert, update')
        or has_table_privilege('guildhall_system', c.oid, 'delete, truncate')) order by 1`);
    expect(found.rows).toEqual([]);
    const functions = await owner.query<{ name: string; app: boolean; named: boolean; path: boolean }>(`
      select p.oid::regprocedure::text as name, has_function_privilege('guildhall_app', p.oid, 'execute') as app,
        has_function_privilege('guildhall_system', p.oid, 'execute') as named, p.proconfig @> '{"search_path=pg_catalog, pg_temp"}' as path
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${OURS} and p.prosecdef and p.prorettype <> 'trigger'::regtype order by 1`);
    expect(functions.rows.length).toBeGreaterThanOrEqual(20);
    // Whatever runs with the rights of guildhall_definer is closed to the application, and cannot be led to other objects of the same name.
    expect(functions.rows.filter((row) => !row.named || !row.path)).toEqual([]);
    expect(functions.rows.filter((row) => row.app).map(({ name }) => name)).toEqual(OPEN_TO_APPLICATION);
  });

  it('the application cannot take another role, make objects, or leave its rights behind', async () => {
    await asApp(world.own.orgId, async (client) => {
      for (const text of [
        'set role guildhall_definer',
        'set role guildhall_system',
        `set role ${pg.escapeIdentifier(owner.user ?? '')}`,
        'set row_security = off',
        'create table identity.mine (x int)',
        'create function public.mine() returns int language sql as $$ select 1 $$',
        'alter table identity.organisation disable row level security',
        'drop policy tenant on identity.organisation',
        'truncate audit.event',
      ]) {
        const outcome = await attempt(client, text, []);
        const isHarmless = text.startsWith('set row_security') && outcome === 0;
        expect([text, outcome === FORBIDDEN || isHarmless, outcome]).toEqual([text, true, outcome]);
      }
    });
  });
});

describe('a pool of two connections', () => {
  const TRANSACTIONS = 2_000;
  const AT_ONCE = 12;
  let looks = 0;

  it('hands out no organisation that an earlier transaction left behind, however that ended', async () => {
    const { appUrl, systemUrl } = world.platform.database;
    const db = createDb({
      appUrl,
      systemUrl,
      appPoolMax: 2,
      systemPoolMax: 1,
      applicationName: 'leak',
      onIdleError: () => {},
    });
    const leaks: unknown[] = [];
    let failed = 0;
    looks = 0;
    const left = Array.from({ length: TRANSACTIONS }, (_, index) => index).values();
    const worker = async (): Promise<void> => {
      for (const index of left)
        await one(db, index, leaks).catch(() => {
          failed += 1;
        });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await db.close();
    expect(leaks).toEqual([]);
    // A connection that dies before its look is the only reason not to have looked.
    expect(looks).toBeGreaterThan(TRANSACTIONS * 0.95);
    expect(failed).toBeGreaterThan(TRANSACTIONS / 4);
  }, 30_000);

  /** One transaction of one kind; by index, so that every kind meets every other. */
  async function one(db: Db, index: number, leaks: unknown[]): Promise<void> {
    const { own, foreign } = world;
    const orgId = index % 2 === 0 ? own.orgId : foreign.orgId;
    const look = (tx: Parameters<Parameters<Db['tenant']>[1]>[0]) =>
      sql<{ org: string | null; seen: string[] }>`
        select platform.current_org() as org, array(select org_id from identity.organisation) as seen`.execute(tx);
    if (index % 3 === 0) {
      const bare = await (index % 2 === 0 ? db.open(look) : db.direct(look));
      looks += 1;
      const row = bare.rows[0];
      if (row?.org !== null || row.seen.length > 0) leaks.push({ index, row });
      return;
    }
    await db.tenant(orgId, async (tx) => {
      const row = (await look(tx)).rows[0];
      looks += 1;
      if (row?.org !== orgId || row.seen.length !== 1 || row.seen[0] !== orgId) leaks.push({ index, row });
      if (index % 5 === 0) throw new Error('the use case failed');
      if (index % 7 === 0) await sql`select 1 / 0`.execute(tx);
      if (index % 11 === 0)
        await sql`set local statement_timeout = '1ms'`.execute(tx).then(() => sql`select pg_sleep(1)`.execute(tx));
      if (index % 101 === 0) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
      if (index % 13 === 0) await sql`savepoint s`.execute(tx).then(() => sql`nonsense`.execute(tx));
    });
  }
});
