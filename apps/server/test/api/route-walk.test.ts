/** Walks every route that is served. A new route is walked too; a new public or changing one must be entered here by hand. */
import type { Scope } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RouteDefinition } from '../../src/platform/http/index.ts';
import { type Change, changesOf } from './changes.ts';
import {
  type Answer,
  CALLS,
  CANARY,
  createWorld,
  form,
  nameOf,
  type Objects,
  problemIn,
  type Request,
  samlBody,
  type World,
} from './world.ts';

/** Open to everyone. Each was decided; a new one is a decision too. */
const PUBLIC = [
  'GET /v1/artifacts/{id}/content',
  'GET /live',
  'GET /health',
  'GET /ready',
  'GET /api/v1/live',
  'GET /api/v1/health',
  'GET /api/v1/ready',
  'GET /metrics',
  'GET /.well-known/jwks.json',
  'GET /',
  'GET /openapi.json',
  'GET /dev/mailbox',
  'GET /docs/api',
  'GET /docs/api/reference.js',
];
/** Clients of other houses ask for pages in their own words. */
const QUERIES_OF_OTHERS = ['GET /v1/models'];
const CALL_PATHS = CALLS.map((name) => name.split(' ')[1]);
/** Asked by POST because the question is long; they change nothing. */
const POST_THAT_READS = ['POST /v1/agents/{id}/estimate'];

const SECURITY = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'x-frame-options': 'DENY',
  'x-xss-protection': '0',
  'x-permitted-cross-domain-policies': 'none',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};
/** Pages bring their own, with a nonce that differs from answer to answer. */
const POLICY = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** What customers brought stands in a box of its own. */
const FILE_POLICY = "sandbox; default-src 'none'";
const PAGE_POLICY =
  /^default-src 'none'; script-src 'nonce-[0-9a-f]{32}'; style-src ('nonce-[0-9a-f]{32}'|'unsafe-inline'); .*object-src 'none'; base-uri 'none'; frame-ancestors 'none'$/;

const PRIVILEGED = [
  'id orgId org_id organisationId organisation tenantId owner createdBy role roles isAdmin admin operator permissions',
  'price cost hold balance credits nanos tierPrice status secret secretHash prefix revokedAt createdAt finishedAt',
  'parentRunId rootRunId holdId fence priceVersion',
]
  .join(' ')
  .split(' ')
  .filter((name) => name !== 'organisationId');

let world: World;
let owner: pg.Client;
let changes: ReturnType<typeof changesOf>;
let answered = 0;

beforeAll(async () => {
  world = await createWorld();
  owner = new pg.Client({ connectionString: world.platform.database.ownerUrl });
  await owner.connect();
  changes = changesOf(world);
}, 60_000);
afterAll(async () => {
  await owner.end();
  await world.close();
});

/** Sends, and checks what must hold for every answer there is. */
async function send(request: Request): Promise<Answer> {
  const sent = await world.send({ key: world.own.key, ...request });
  const isCall = request.method === 'POST' && CALL_PATHS.includes(request.path);
  const answer = isCall && sent.status >= 400 ? { ...sent, json: problemIn(sent) } : sent;
  answered += 1;
  const about = `${request.method} ${request.path} → ${answer.status} ${answer.text.slice(0, 300)}`;
  for (const [name, value] of Object.entries(SECURITY)) expect(answer.headers.get(name), about).toBe(value);
  const isPage = answer.headers.get('content-type')?.startsWith('text/html');
  const policy = answer.headers.get('content-security-policy');
  if (isPage) expect(policy, about).toMatch(PAGE_POLICY);
  else expect([POLICY, FILE_POLICY], about).toContain(policy);
  expect(answer.headers.get('access-control-allow-origin'), about).toBeNull();
  expect(answer.headers.get('server') ?? answer.headers.get('x-powered-by'), about).toBeNull();
  expect(answer.requestId, about).toMatch(/^req_/);
  expect(answer.status, about).toBeLessThan(500);
  if (answer.status >= 400) {
    expect(answer.headers.get('content-type'), about).toContain(
      isCall ? 'application/json' : 'application/problem+json',
    );
    expect(answer.json, about).toMatchObject({
      type: `/docs/reference/errors#${String(answer.json.code)}`,
      title: expect.any(String),
      status: answer.status,
      code: expect.stringMatching(/^[a-z]+\.[a-z-]+$/),
      detail: expect.any(String),
      errors: expect.any(Array),
      requestId: answer.requestId,
      charged: { nanos: '0', currency: 'USD' },
    });
  }
  return answer;
}

const withoutRequest = ({ json }: Answer): unknown => ({ ...json, requestId: '' });
/** Rows that the requests themselves made: the end of a run comes later, under the request that started it. */
const rowsOf = async (requestIds: readonly string[]): Promise<number> =>
  Number(
    (
      await owner.query(
        `select count(*)::int as n from audit.event where request_id = any($1)
           and action not in ('run.succeeded', 'run.failed', 'run.cancelled')`,
        [requestIds],
      )
    ).rows[0]?.n,
  );
/** What requests of a route left behind: rows of the audit trail, or of the history of calls. */
const effectsOf = async (route: RouteDefinition, requestIds: readonly string[]): Promise<number> => {
  if (!CALLS.includes(nameOf(route))) return rowsOf(requestIds);
  expect(await rowsOf(requestIds)).toBe(0);
  const found = await owner.query(
    `select count(*)::int as n from models.call where request_id = any($1) and status = 'succeeded' and cost_nanos > 0`,
    [requestIds],
  );
  return Number(found.rows[0]?.n);
};
const changing = (): RouteDefinition[] =>
  world.routes.filter((route) => route.method !== 'GET' && !POST_THAT_READS.includes(nameOf(route)));
const withJson = (): RouteDefinition[] => world.routes.filter((route) => route.method !== 'GET' && !route.rawBody);

/** The address of a route with ids of these objects. */
function addressOf(route: RouteDefinition, objects: Objects): string {
  const kind = /^\/v1\/(?:organisation\/)?((?:sso\/)?[a-z-]+)/.exec(route.path)?.[1] ?? '';
  const run = route.path.includes('approvals') ? objects.approvalRun : objects.run;
  const ids: Record<string, string> = {
    runs: run,
    files: objects.file,
    keys: objects.key,
    'webhook-endpoints': objects.endpoint,
    artifacts: objects.artifact,
    members: objects.member,
    'service-accounts': objects.member,
    invitations: objects.invitation,
    'sso/saml': objects.samlConnection,
    'scim-tokens': objects.scimToken,
    domains: objects.domain,
    oidc: objects.connection,
    agents: 'keeper',
  };
  return route.path.replace('{id}', ids[kind] ?? '').replace('{approvalId}', objects.approval);
}
const MISSING: Objects = {
  run: `run_${'0'.repeat(26)}`,
  approvalRun: `run_${'0'.repeat(26)}`,
  approval: `apr_${'0'.repeat(26)}`,
  file: `file_${'0'.repeat(26)}`,
  artifact: `art_${'0'.repeat(26)}`,
  key: `key_${'0'.repeat(26)}`,
  endpoint: `whk_${'0'.repeat(26)}`,
  domain: `dom_${'0'.repeat(26)}`,
  connection: `con_${'0'.repeat(26)}`,
  member: `svc_${'0'.repeat(26)}`,
  invitation: `inv_${'0'.repeat(26)}`,
  samlConnection: `con_${'0'.repeat(26)}`,
  scimToken: `sct_${'0'.repeat(26)}`,
};
const VALID: Readonly<Record<string, unknown>> = {
  'PUT /v1/organisation/sso/oidc/{id}': { name: 'Other' },
  'POST /v1/agents/{id}/estimate': { input: {} },
  'POST /v1/runs/{id}/replay': {},
  'POST /v1/runs/{id}/approvals/{approvalId}': { decision: 'approve' },
  'POST /v1/keys/{id}/rotate': { overlapSeconds: 0 },
  'PUT /v1/webhook-endpoints/{id}': { description: 'x' },
  'PUT /v1/operator/providers/{id}': { weight: 2 },
  'PUT /v1/operator/people/{id}': { isDisabled: true },
  'POST /v1/webhook-endpoints/{id}/rotate': { overlapSeconds: 0 },
  'POST /v1/webhook-endpoints/{id}/replay': { failed: true },
  'PUT /v1/organisation/members/{id}': { role: 'viewer' },
  'POST /v1/organisation/scim-tokens/{id}/rotate': { overlapSeconds: 0 },
  'PUT /v1/organisation/sso/saml/{id}': samlBody,
  'POST /v1/organisation/service-accounts/{id}/keys': { name: 'K', scopes: ['runs:read'], mode: 'live' },
};

describe('who may call', () => {
  it('only the routes of the table are open to everyone', () => {
    const open = world.routes.filter((route) => route.scope === 'public').map(nameOf);
    expect(open.toSorted()).toEqual(PUBLIC.toSorted());
  });

  it('every other route answers 401 without a key and with one that is none, before it reads the body', async () => {
    for (const route of world.routes.filter(({ scope }) => scope !== 'public')) {
      const path = addressOf(route, world.own.objects);
      for (const key of [undefined, 'nonsense', `gld_live_${'a'.repeat(36)}`]) {
        const body = route.method === 'GET' ? undefined : '{"broken';
        const answer = await world.send({ method: route.method, path, key, body });
        expect([nameOf(route), answer.status]).toEqual([nameOf(route), 401]);
        expect(answer.headers.get('www-authenticate')).toContain('Bearer');
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      }
    }
  });

  it('every other route answers 403 to a key that has every scope but its own', async () => {
    for (const route of world.routes.filter(({ scope }) => scope !== 'public')) {
      // Public ones were left out.
      const scope = route.scope as Scope;
      const request = { method: route.method, path: addressOf(route, world.own.objects) };
      const answer = await send({ ...request, key: world.keyWithout.get(scope) });
      expect([nameOf(route), answer.status, answer.json.code]).toEqual([nameOf(route), 403, 'auth.missing-scope']);
      expect(answer.json.detail).toContain(scope);
      expect(await rowsOf([answer.requestId])).toBe(0);
    }
  });
});

describe('what another organisation owns', () => {
  it('answers exactly as what does not exist, on every route with an id', async () => {
    const routes = world.routes.filter(
      (route) => route.path.includes('{id}') && route.scope !== 'public' && !route.path.startsWith('/v1/agents'),
    );
    expect(routes.length).toBeGreaterThanOrEqual(17);
    for (const route of routes) {
      const request = { method: route.method, body: VALID[nameOf(route)] };
      const foreign = await send({ ...request, path: addressOf(route, world.foreign.objects) });
      const missing = await send({ ...request, path: addressOf(route, MISSING) });
      expect([nameOf(route), foreign.status]).toEqual([nameOf(route), 404]);
      expect(withoutRequest(foreign)).toEqual(withoutRequest(missing));
      expect([...foreign.headers.keys()].toSorted()).toEqual([...missing.headers.keys()].toSorted());
      expect(await rowsOf([foreign.requestId])).toBe(0);
    }
  });

  it('cannot be named in an input, a filter, a cursor or an approval of one’s own run', async () => {
    const { objects } = world.foreign;
    for (const file of [objects.file, objects.artifact]) {
      const start = (id: string) =>
        send({ method: 'POST', path: '/v1/agents/keeper/runs', body: { input: { any: { file: id } } } });
      const [foreign, missing] = [await start(file), await start(`${file.split('_')[0]}_${'0'.repeat(26)}`)];
      expect(foreign.status).toBe(422);
      expect(withoutRequest(foreign)).toEqual(withoutRequest(missing));
    }
    for (const query of [`parentRunId=${objects.run}`, `q=${CANARY}`, `q=${objects.run}`]) {
      const { json } = await send({ method: 'GET', path: `/v1/runs?${query}` });
      const found = json.data as { id: string }[];
      expect(found.filter((run) => [objects.run, objects.approvalRun].includes(run.id))).toEqual([]);
    }
    const path = `/v1/runs/${world.own.objects.approvalRun}/approvals/${objects.approval}`;
    expect((await send({ method: 'POST', path, body: { decision: 'approve' } })).status).toBe(404);
  });

  it('stands in no answer of any route that reads', async () => {
    const ids = Object.values(world.foreign.objects);
    for (const route of world.routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/v1'))) {
      if (route.path.endsWith('/events') || route.scope === 'public') continue;
      const { text } = await send({ method: 'GET', path: addressOf(route, world.own.objects) });
      for (const id of [...ids, world.foreign.orgId]) expect(text, nameOf(route)).not.toContain(id);
    }
  });
});

describe('a test key', () => {
  it('sees no run, key, file, endpoint, budget or entry of live keys, and can change none', async () => {
    const { objects } = world.own;
    const live = [objects.run, objects.approvalRun, objects.key, objects.endpoint];
    for (const route of world.routes.filter(({ path }) =>
      /^\/v1\/(runs|keys|files|webhook-endpoints)\/\{id\}/.test(path),
    )) {
      const request = { method: route.method, key: world.testKey, body: VALID[nameOf(route)] };
      const hidden = await send({ ...request, path: addressOf(route, objects) });
      const missing = await send({ ...request, path: addressOf(route, MISSING) });
      expect([nameOf(route), hidden.status]).toEqual([nameOf(route), 404]);
      expect(withoutRequest(hidden)).toEqual(withoutRequest(missing));
    }
    for (const path of [
      '/v1/runs',
      '/v1/keys',
      '/v1/webhook-endpoints',
      '/v1/ledger/entries',
      '/v1/usage?groupBy=key',
    ]) {
      const { text } = await send({ method: 'GET', path, key: world.testKey });
      for (const id of live) expect(text, path).not.toContain(id);
    }
  });

  it('learns nothing of what live runs cost', async () => {
    const request = { method: 'POST', path: '/v1/agents/keeper/estimate', body: { input: {} } };
    expect((await send(request)).json.sampleSize).toBeGreaterThan(0);
    expect((await send({ ...request, key: world.testKey })).json.sampleSize).toBe(0);
  });

  it('books apart: its runs leave the live balance as it is', async () => {
    const before = await send({ method: 'GET', path: '/v1/balance' });
    const request = { method: 'POST', path: '/v1/agents/keeper/runs?wait=10', key: world.testKey, body: { input: {} } };
    expect((await send(request)).json).toMatchObject({ status: 'succeeded', mode: 'test' });
    expect((await send({ method: 'GET', path: '/v1/balance' })).json).toEqual(before.json);
  });

  it('does not reach the operator’s routes', async () => {
    for (const name of ['POST /v1/operator/organisations', 'POST /v1/operator/credits']) {
      const change = await changes[name]?.();
      const answer = await send({ method: 'POST', path: change?.path ?? '', key: world.testKey, body: change?.body });
      expect(answer.status).toBe(403);
    }
  });
});

describe('what is sent', () => {
  it('is refused by every route with a body when it is no JSON (400), too large (413) or of another type (415)', async () => {
    for (const route of withJson()) {
      const large = JSON.stringify({ input: 'x'.repeat(route.bodyMaxBytes ?? 1024 * 1024) });
      const request = { method: route.method, path: addressOf(route, world.own.objects) };
      expect([nameOf(route), (await send({ ...request, body: '{"input":' })).status]).toEqual([nameOf(route), 400]);
      expect([nameOf(route), (await send({ ...request, body: '{"__proto__":{}}' })).status]).toEqual([
        nameOf(route),
        400,
      ]);
      expect([nameOf(route), (await send({ ...request, body: large })).status]).toEqual([nameOf(route), 413]);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      expect([nameOf(route), (await send({ ...request, body: 'a=b', headers })).status]).toEqual([nameOf(route), 415]);
    }
  });

  it('cannot set what is not the caller’s to set: each of many privileged members is refused on every route', async () => {
    expect(PRIVILEGED.length).toBeGreaterThanOrEqual(30);
    for (const route of withJson()) {
      const name = nameOf(route);
      const change = await changes[name]?.();
      const body = (change?.body ?? VALID[name] ?? {}) as object;
      const path = change?.path ?? addressOf(route, world.own.objects);
      const unknown = PRIVILEGED.filter((member) => !(member in body));
      const answers = await Promise.all(
        unknown.map((member) => send({ method: route.method, path, body: { ...body, [member]: 'x' } })),
      );
      for (const [index, answer] of answers.entries()) {
        expect([name, unknown[index], answer.status]).toEqual([name, unknown[index], 422]);
        expect(answer.text).toContain('is not known here');
      }
      expect(await rowsOf(answers.map(({ requestId }) => requestId))).toBe(0);
    }
  }, 60_000);

  it('in a query is refused when a route does not know it', async () => {
    for (const route of world.routes.filter((route) => route.method === 'GET' && route.path.startsWith('/v1'))) {
      const answer = await send({ method: 'GET', path: `${addressOf(route, world.own.objects)}?nobody=1` });
      const status = QUERIES_OF_OTHERS.includes(nameOf(route)) ? 200 : 422;
      expect([nameOf(route), answer.status]).toEqual([nameOf(route), status]);
    }
  });
});

const request = (route: RouteDefinition, { path, body }: Pick<Change, 'path' | 'body'>, key?: string): Request => ({
  method: route.method,
  path,
  body,
  headers: key === undefined ? {} : { 'idempotency-key': key },
});

const withoutSecret = (text: string): string =>
  text.replaceAll(/"secret":"[^"]+"/g, '"secret":null').replaceAll(/"code":"\w{4}-\w{4}-\w{4}"/g, '"code":null');

describe('what changes something', () => {
  it('stands in the table of changes', () => {
    expect(changing().map(nameOf).toSorted()).toEqual(Object.keys(changes).toSorted());
  });

  it('leaves one row in the audit trail, none when refused, and answers as it declares', async () => {
    for (const route of changing()) {
      const change = await changes[nameOf(route)]?.();
      if (!change) throw new Error(nameOf(route));
      const answer = await send(request(route, change));
      const schema = route.responses[answer.status];
      expect([nameOf(route), schema === undefined]).toEqual([nameOf(route), false]);
      if (schema) expect(z.safeParse(schema, answer.json).error).toBeUndefined();
      expect([nameOf(route), await effectsOf(route, [answer.requestId])]).toEqual([nameOf(route), 1]);
    }
  });

  it('happens once under an Idempotency-Key: the same answer without its secret; another body is 422', async () => {
    for (const [index, route] of changing().entries()) {
      const name = nameOf(route);
      const change = await changes[name]?.();
      if (!change) throw new Error(name);
      const key = `once ${index}`;
      const first = await send(request(route, change, key));
      const again = await send(request(route, change, key));
      if (CALLS.includes(name)) {
        expect([name, first.status, again.status, again.json.code]).toEqual([name, 200, 409, 'models.call-repeated']);
      } else {
        expect([name, again.status]).toEqual([name, first.status]);
        expect(again.text).toBe(withoutSecret(first.text));
      }
      expect(await effectsOf(route, [again.requestId])).toBe(0);
      const changed = { path: change.path, body: change.other ?? change.body };
      if (change.other === undefined) changed.path = addressOf(route, MISSING);
      const other = await send(request(route, changed, key));
      expect([name, other.status, other.json.code]).toEqual([name, 422, 'idempotency.conflict']);
    }
  });

  it('happens once for ten requests with the same key at the same time; each hears the answer or 409', async () => {
    for (const [index, route] of changing().entries()) {
      const name = nameOf(route);
      const change = await changes[name]?.();
      if (!change) throw new Error(name);
      const key = `together ${index}`;
      const answers = await Promise.all(Array.from({ length: 10 }, () => send(request(route, change, key))));
      const good = answers.filter(({ status }) => status < 400);
      expect([name, answers.filter(({ status }) => status >= 400 && status !== 409)]).toEqual([name, []]);
      expect(new Set(good.map(({ text }) => withoutSecret(text))).size).toBe(1);
      expect([
        name,
        await effectsOf(
          route,
          answers.map(({ requestId }) => requestId),
        ),
      ]).toEqual([name, 1]);
    }
  });

  it.each([
    ['is empty', ''],
    ['is longer than 255 characters', 'k'.repeat(256)],
    ['holds what is not visible', 'a\tb'],
    ['begins outside of ASCII', 'é'],
  ])('is refused when the Idempotency-Key %s', async (_, key) => {
    for (const name of ['POST /v1/keys', 'POST /v1/agents/{id}/runs', 'POST /v1/operator/credits']) {
      const change = await changes[name]?.();
      const headers = { 'idempotency-key': key };
      const answer = await send({ method: 'POST', path: change?.path ?? '', body: change?.body, headers });
      expect([name, answer.status, answer.json.code]).toEqual([name, 400, 'idempotency.invalid-key']);
      expect(await rowsOf([answer.requestId])).toBe(0);
    }
  });

  it('takes an Idempotency-Key of 255 characters, and the same one from another organisation', async () => {
    const headers = { 'idempotency-key': 'k'.repeat(255) };
    const body = { name: 'K', scopes: ['runs:read'], mode: 'live' };
    const [one, two] = await Promise.all(
      [world.own.key, world.foreign.key].map((key) => send({ method: 'POST', path: '/v1/keys', key, body, headers })),
    );
    expect([one?.status, two?.status]).toEqual([201, 201]);
    expect(one?.json.id).not.toBe(two?.json.id);
  });
});

describe('at the end of the walk', () => {
  it('events carry the headers too', async () => {
    const answer = await send({ method: 'GET', path: `/v1/runs/${world.own.objects.run}/events` });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    expect(answer.text).toContain('event: status');
  });

  it('no log line holds a key or what customers sent', async () => {
    await send({ method: 'GET', path: `/v1/balance?key=${world.own.key}` });
    await send({ method: 'GET', path: `/v1/runs/${world.own.key.replace('_', '%5F')}` });
    await send({ method: 'POST', path: '/v1/files', body: form(CANARY), headers: { 'x-api-key': world.own.key } });
    expect(world.lines.length).toBeGreaterThan(100);
    const text = world.lines.join('\n');
    expect(text).not.toMatch(/gld_(live|test)_|gld%5F/i);
    expect(text).not.toContain(CANARY);
    expect(answered).toBeGreaterThan(900);
  });
});
