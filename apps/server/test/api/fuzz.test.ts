/** Bodies and queries nobody would write by hand: never a 5xx, never a wait, always a problem document. Seeded, so a find comes again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RouteDefinition } from '../../src/platform/http/index.ts';
import { changesOf } from './changes.ts';
import { CALLS, createWorld, nameOf, problemIn, type Request, type World } from './world.ts';

const SEED = 20_260_101;
const BODIES_PER_ROUTE = 200;
const QUERIES_PER_ROUTE = 30;
const AT_ONCE = 24;

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 120_000);
afterAll(() => world.close());

/** Mulberry32: small, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const random = createRandom(SEED);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Fragments of JSON text, not values: some have no value. */
const FRAGMENTS = [
  'null true false 0 -0 -1 1e400 -1e400 1e-400 9007199254740993 123456789012345678901234567890 0.1',
  '"" " " "\\u0000" "\\ud800" "\\udc00x" "\\u202e" "\\ufeff" "\\u2028" "a\\r\\nX-Evil:1" "%00" "../../etc/passwd"',
  '"\';drop\\u0020schema\\u0020runs\\u0020cascade;--" "{{7*7}}" "<script>" "0000-01-01T00:00:00.000Z" "275760-09-13T00:00:00Z"',
  '[] {} [[]] [null] {"":""} {"__proto__":{"x":1}} {"constructor":{"prototype":{"x":1}}} {"toString":1} {"a":1,"a":2} {"length":1e9}',
]
  .join(' ')
  .split(' ');
const LONG = ['"x"', '"é"', '"😀"', '"\\u0000"'].map((text) => `"${text.slice(1, -1).repeat(10_000)}"`);
const DEEP = [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`];

const hostile = (): string => {
  const roll = random();
  if (roll < 0.05) return pick(DEEP);
  if (roll < 0.15) return pick(LONG);
  return pick(FRAGMENTS);
};

/** The text of `value` with about one in three of its parts replaced, and now and then a member too much. */
function mangled(value: unknown): string {
  if (random() < 0.3) return hostile();
  if (Array.isArray(value)) return `[${[...value, ...(random() < 0.3 ? value : [])].map(mangled).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${mangled(item)}`);
  if (random() < 0.2) members.push(`${JSON.stringify(pick(['x', '__proto__', 'toString', '']))}:${hostile()}`);
  if (random() < 0.2 && members[0]) members.push(members[0]);
  return `{${members.join(',')}}`;
}

async function assertClean(request: Request): Promise<number> {
  const began = performance.now();
  const answer = await world.send({ key: world.own.key, ...request });
  const about = `${request.method} ${request.path} ${String(request.body).slice(0, 300)} → ${answer.status} ${answer.text.slice(0, 200)}`;
  expect(answer.status, about).toBeLessThan(500);
  expect(performance.now() - began, about).toBeLessThan(5_000);
  if (answer.status < 400) return answer.status;
  const isCall = CALLS.includes(`${request.method} ${request.path}`);
  expect(answer.headers.get('content-type'), about).toContain(isCall ? 'application/json' : 'application/problem+json');
  expect(isCall ? problemIn(answer) : answer.json, about).toMatchObject({
    code: expect.any(String),
    requestId: answer.requestId,
    charged: { nanos: '0', currency: 'USD' },
  });
  expect(answer.text, about).not.toMatch(/at \w+ \(|node_modules|select |insert |violates/i);
  return answer.status;
}

/** Sends all of them, a few at once, and counts the answers by status. */
async function assertAllClean(requests: readonly Request[]): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  const left = requests.values();
  const worker = async (): Promise<void> => {
    for (const request of left) {
      const status = await assertClean(request);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return statuses;
}

const pathOf = (route: RouteDefinition): string =>
  route.path
    .replace('/agents/{id}', '/agents/keeper')
    .replace('/runs/{id}', `/runs/${world.own.objects.run}`)
    .replace('/keys/{id}', `/keys/${world.own.objects.key}`)
    .replace('/webhook-endpoints/{id}', `/webhook-endpoints/${world.own.objects.endpoint}`)
    .replace('/files/{id}', `/files/${world.own.objects.file}`)
    .replace('{approvalId}', world.own.objects.approval);

it('bodies', async () => {
  const changes = changesOf(world);
  const known: Record<string, unknown> = {
    'POST /v1/agents/{id}/runs': {
      input: { say: 'x', any: { a: [1] } },
      tier: 'standard',
      maxCost: { nanos: '100000000', currency: 'USD' },
      metadata: { a: 'b' },
    },
    'POST /v1/agents/{id}/estimate': { input: { say: 'x' }, tier: 'standard' },
    'POST /v1/runs/{id}/replay': { fromStep: 1, input: { say: 'x' } },
    'POST /v1/webhook-endpoints/{id}/replay': { from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' },
    'POST /v1/keys': { name: 'x', scopes: ['runs:read'], mode: 'test', expiresAt: '2030-01-01T00:00:00Z' },
  };
  const requests: Request[] = [];
  for (const route of world.routes.filter(({ body }) => body !== undefined)) {
    const name = nameOf(route);
    const valid = known[name] ?? (await changes[name]?.())?.body;
    for (let left = BODIES_PER_ROUTE; left > 0; left -= 1)
      requests.push({ method: route.method, path: pathOf(route), body: mangled(valid) });
  }
  const statuses = await assertAllClean(requests);
  expect(requests.length).toBeGreaterThanOrEqual(600);
  // Not all refused at the door: some must have passed the schema.
  expect([...statuses.keys()].some((status) => status < 300)).toBe(true);
  expect(statuses.get(422)).toBeGreaterThan(100);
}, 120_000);

const QUERY_NAMES =
  'limit cursor from to q agent status tier parentRunId groupBy wait token lang admin __proto__'.split(' ');
const QUERY_VALUES = [
  '0 -1 1e9 1.5 NaN %00 %ff %zz %F0%9F%98%80 %ED%A0%80 null true 0000-01-01T00:00:00.000Z 9999-12-31T23:59:59.999Z',
  '2026-01-01T00:00:00.000Z %27%20or%201=1-- %25 _ * [object] run_0 run_01m7z2xg6arzwapsv0mj8kn7tv key_0 succeeded day',
]
  .join(' ')
  .split(' ');

it('queries and ids', async () => {
  const requests = world.routes
    .filter((route) => route.method === 'GET' && !/events$|^.docs/.test(route.path))
    .flatMap((route) =>
      Array.from({ length: QUERIES_PER_ROUTE }, () => {
        const members = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
          [pick(QUERY_NAMES), random() < 0.1 ? 'x'.repeat(3_000) : pick(QUERY_VALUES)].join('='),
        );
        const path = random() < 0.3 ? route.path.replace('{id}', pick(QUERY_VALUES)) : pathOf(route);
        return { method: 'GET', path: `${path}?${members.join('&')}` };
      }),
    );
  await assertAllClean(requests);
}, 120_000);

it('names, media types and contents of files', async () => {
  const names = ['../../x', 'a\\b', '\u202egpj.exe', '', '.', 'a'.repeat(10_000), '\ud800', 'C:\\x', '%00', "a'b;c"];
  const requests = names.flatMap((name) =>
    ['text/html', 'x', 'a/b; charset=evil', ''].map((type) => {
      const body = new FormData();
      body.set('file', new Blob([name], { type }), name);
      return { method: 'POST', path: '/v1/files', body };
    }),
  );
  await assertAllClean(requests);
});
