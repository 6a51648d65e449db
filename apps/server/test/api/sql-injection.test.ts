/** INP-02: what scanners for SQL injection send, in every place that a reading route takes text from: nothing changes, nothing waits, nothing leaks. */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorld, type Request, type World } from './world.ts';

let world: World;
let owner: pg.Client;
beforeAll(async () => {
  world = await createWorld();
  owner = new pg.Client({ connectionString: world.platform.database.ownerUrl });
  await owner.connect();
}, 60_000);
afterAll(async () => {
  await owner.end();
  await world.close();
});

const SLEEP_SECONDS = 20;
const ANSWER_MS_MAX = 10_000;
const AT_ONCE = 16;

/** How the text before is left, what is done then, and how the rest is made harmless. */
const LEAVES = ["'", '"', "')", "'))", '1', '1)', "';", "\\'", '$$', "' ", '%27', '＇', '\u02bc', "x'||'"];
const DEEDS = [
  'or 1=1',
  'or true',
  "or 'a'='a",
  'and 1=0',
  `or pg_sleep(${SLEEP_SECONDS}) is null`,
  `and 1=(select 1 from pg_sleep(${SLEEP_SECONDS}))`,
  `; select pg_sleep(${SLEEP_SECONDS})`,
  'union select null',
  'union all select null,null,null,current_user',
  'union select secret_hash from identity.api_key',
  '; drop schema identity cascade',
  '; delete from runs.run',
  '; update ledger.account set balance = 0',
  '; truncate audit.event',
  "; copy (select 1) to program 'id'",
  'and extractvalue(1,concat(0x7e,version()))',
  'and 1=cast((select version()) as int)',
  "|| (select current_setting('guildhall.org_id'))",
  '; set role postgres',
  "; select set_config('guildhall.org_id','org_x',false)",
  'order by 999',
  'limit 1 offset (select 1)',
  '/**/or/**/1=1',
  'oR/*!50000*/1=1',
];
const ENDS = ['', '--', '-- -', '#', '/*', ';'];
const PAYLOADS = LEAVES.flatMap((leave, at) =>
  DEEDS.flatMap((deed, index) =>
    [0, 1].map((more) => `${leave} ${deed} ${ENDS[(at + index + more * 3) % ENDS.length]}`),
  ),
);

const places = (payload: string, at: number): Request => {
  const text = encodeURIComponent(payload);
  const all: readonly Request[] = [
    { method: 'GET', path: `/v1/runs?agent=${text}` },
    { method: 'GET', path: `/v1/runs?q=${text}` },
    { method: 'GET', path: `/v1/runs?cursor=${text}` },
    { method: 'GET', path: `/v1/runs/${text}` },
    { method: 'GET', path: `/v1/runs/${text}/steps` },
    { method: 'GET', path: `/v1/files/${text}` },
    { method: 'GET', path: `/v1/agents/${text}` },
    { method: 'GET', path: `/v1/usage?groupBy=${text}` },
    { method: 'GET', path: `/v1/ledger/entries?cursor=${text}` },
    { method: 'GET', path: `/v1/keys?cursor=${text}` },
    { method: 'GET', path: `/v1/webhook-endpoints/${text}/deliveries` },
    { method: 'GET', path: `/v1/calls?cursor=${text}` },
    {
      method: 'POST',
      path: '/v1/agents/keeper/estimate',
      body: { input: { say: payload }, tier: payload.slice(0, 60) },
    },
    { method: 'GET', path: '/v1/balance', headers: { 'last-event-id': text } },
  ];
  return all[at % all.length] ?? { method: 'GET', path: '/' };
};

/** Rows of every table of customers; queues and deliveries go on by themselves. */
async function rowCounts(): Promise<Readonly<Record<string, number>>> {
  const { rows: tables } = await owner.query<{ name: string }>(`
    select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'platform', 'durable', 'notify', 'audit')
    order by 1`);
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await owner.query<{ n: number }>(`select count(*)::int as n from ${name}`);
    counts[name] = rows[0]?.n ?? -1;
  }
  return counts;
}

it('500 payloads and more in every place change no row, make nobody wait, and are answered as any other text', async () => {
  expect(new Set(PAYLOADS).size).toBeGreaterThanOrEqual(500);
  const seen = async () =>
    (await world.send({ method: 'GET', path: '/v1/balance', key: world.own.key })).text +
    (await world.send({ method: 'GET', path: '/v1/ledger/entries', key: world.own.key })).text;
  const shown = await seen();
  const before = await rowCounts();
  const requests = PAYLOADS.flatMap((payload, at) => [places(payload, at), places(payload, at + 5)]).values();
  const wrong: string[] = [];
  const worker = async (): Promise<void> => {
    for (const request of requests) {
      const beganMs = performance.now();
      const answer = await world.send({ key: world.own.key, ...request });
      const about = `${request.method} ${request.path} → ${answer.status} ${answer.text.slice(0, 200)}`;
      if (answer.status >= 500 || performance.now() - beganMs > ANSWER_MS_MAX) wrong.push(about);
      if (/syntax error|PostgreSQL|pg_|guildhall_app|relation|canary-of/i.test(answer.text)) wrong.push(about);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(wrong).toEqual([]);
  expect(await rowCounts()).toEqual(before);
  expect(await seen()).toBe(shown);
}, 120_000);
