/**
 * TEN-01, TEN-02, TEN-10, KEY-06: every route that is served, asked by everybody there is, for objects of their own, of another organisation,
 * and such as do not exist. Who is let in is derived from what the route declares and from nothing else, and stands in docs/access/routes.md.
 */
import http from 'node:http';
import path from 'node:path';
import { SCOPES, type Scope } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLE_SCOPES } from '../../src/modules/identity/index.ts';
import type { RouteDefinition } from '../../src/platform/http/index.ts';
import { signUpPerson, type TestPerson } from '../harness/people.ts';
import { bodyOf, createSide, type Ids, kindOf, missingLike, type Side } from './access-objects.ts';
import { join, ROLES, type Role } from './members-fixture.ts';
import { CANARY, createWorld, nameOf, type World } from './world.ts';

const TABLE = path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'access', 'routes.md');
const AT_ONCE = 16;

/** Somebody who asks. */
interface Subject {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly scopes: readonly Scope[];
  readonly is: 'nobody' | 'person' | 'unverified' | 'key' | 'directory';
  /** In which organisation: their own objects are of that side. */
  readonly side: 'a' | 'b';
}

interface Outcome {
  readonly status: number;
  readonly code: string;
  readonly text: string;
  readonly cacheControl: string | undefined;
}

let world: World;
let a: Side;
let b: Side;
let owner: pg.Client;
let subjects: readonly Subject[];
let routes: readonly RouteDefinition[];
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
let asked = 0;

const cookieOf = ({ cookies }: Pick<TestPerson, 'cookies'>): string =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const asPerson = (person: Pick<TestPerson, 'cookies'>) => ({ cookie: cookieOf(person), 'guildhall-request': '1' });

/** By node:http, because there are more than ten thousand of them. */
function ask(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<Outcome> {
  asked += 1;
  const { platform } = world;
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    // Said by hand: of a DELETE node:http would send the body without its length, which makes it none.
    const ofBody =
      sent === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) };
    const all = { origin: platform.url, ...headers, ...ofBody };
    const request = http.request(`${platform.url}${target}`, { method, headers: all, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          code: codeIn(text),
          text,
          cacheControl: response.headers['cache-control'],
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(sent);
  });
}

/** The code of a problem, in whichever language of clients it is told. */
const codeIn = (text: string): string => /"code":\s*"([a-z]+\.[a-z-]+)"/.exec(text)?.[1] ?? '';

const addressOf = (route: RouteDefinition, ids: Ids): string => {
  const kind = kindOf(route);
  const id = kind === undefined ? 'keeper' : ids[kind];
  return route.path.replace(/\{(id|model|provider)\}/, id).replace('{approvalId}', `apr_${'0'.repeat(26)}`);
};

/** The mailbox of development shows every mail to who sits at the machine; everybody here comes from elsewhere. */
const comingTo = ({ path: address }: RouteDefinition): Readonly<Record<string, string>> =>
  address === '/dev/mailbox' ? { 'x-forwarded-for': '203.0.113.9' } : {};
/** What it names belongs to the installation, and operators may touch it whosever it is. */
const isOfOperators = ({ path: address }: RouteDefinition): boolean => address.startsWith('/v1/operator/');

/** Fits no schema, so that nothing happens where somebody is let in. */
const JUNK = { 'nobody-knows-this': 1 };
const isChange = ({ method }: RouteDefinition): boolean => method !== 'GET';

/** What the declaration alone says of this caller: let in, or refused with this code. */
function expected(route: RouteDefinition, { is, scopes }: Subject): string {
  if (route.scope === 'public') return 'in';
  if (is === 'nobody') return route.scope === 'person' ? 'auth.not-signed-in' : '401';
  if (is === 'unverified' && !route.unverified) return 'auth.not-verified';
  if (route.scope === 'directory') return is === 'directory' ? 'in' : 'auth.directory-needed';
  if (route.scope === 'person') return is === 'person' || is === 'unverified' ? 'in' : 'auth.person-needed';
  return scopes.includes(route.scope) ? 'in' : 'auth.missing-scope';
}

const EDGE = /^(auth|sessions|tokens|scim)\./;
/** Let in, or the code of the refusal; what a handler refuses for reasons of its own was let in. */
function outcomeOf({ status, code }: Outcome, subject: Subject): string {
  if (subject.is === 'nobody' && status === 401) return code === 'auth.not-signed-in' ? code : '401';
  return (status === 401 || status === 403) && EDGE.test(code) && !code.endsWith('test-key-refused') ? code : 'in';
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

async function createSubjects(): Promise<Subject[]> {
  const { platform } = world;
  const made: Subject[] = [
    { name: 'nobody', headers: {}, scopes: [], is: 'nobody', side: 'a' },
    { name: 'a made-up key', headers: bearer(`gld_live_${'a'.repeat(36)}`), scopes: [], is: 'nobody', side: 'a' },
  ];
  const add = (
    name: string,
    headers: Subject['headers'],
    scopes: readonly Scope[],
    is: Subject['is'],
    side: 'a' | 'b' = 'a',
  ) => made.push({ name, headers, scopes, is, side });
  const staff = new Map<Role, TestPerson>();
  for (const role of ROLES) {
    const person = role === 'owner' ? a.person : await signUpPerson(platform, { name: role, organisation: null });
    if (role !== 'owner') await join(platform, a.person, person, role);
    staff.set(role, person);
    add(`session of a ${role}`, asPerson(person), ROLE_SCOPES[role], 'person');
  }
  const key = async (scopes: readonly Scope[], more: object = {}, maker = world.own.key): Promise<string> => {
    const body = { name: 'K', scopes, mode: 'live', ...more };
    const { json, status } = await world.send({ method: 'POST', path: '/v1/keys', key: maker, body });
    if (status !== 201) throw new Error(JSON.stringify(json));
    return String(json.secret);
  };
  for (const scope of SCOPES.filter((one) => one !== 'operator'))
    add(`key with ${scope}`, bearer(await key([scope], {}, a.key)), [scope], 'key');
  const all = SCOPES.filter((scope) => scope !== 'operator');
  add('key with every scope', bearer(a.key), all, 'key');
  add('test key with every scope', bearer(await key(all, { mode: 'test' }, a.key)), all, 'key');
  add('key of another organisation', bearer(b.key), all, 'key', 'b');
  add('operator’s key', bearer(await key(['operator'])), ['operator'], 'key');
  if (a.directoryToken !== '') add('directory', bearer(a.directoryToken), [], 'directory');

  const account = await a.person.call<{ secret: string }>(
    'POST',
    `/v1/organisation/service-accounts/${a.ids.serviceAccount}/keys`,
    {
      name: 'K',
      scopes: ['runs:read', 'agents:read'],
      mode: 'live',
    },
  );
  add('service account', bearer(account.body.secret), ['runs:read', 'agents:read'], 'key');
  const tokens = await a.person.call<{ accessToken: string }>('POST', '/v1/auth/tokens', undefined);
  add('access token of an owner', bearer(tokens.body.accessToken), ROLE_SCOPES.owner, 'person');

  const operator = await signUpPerson(platform, { name: 'Operator' });
  await owner.query('update identity.person set operator = true where person_id = $1', [operator.personId]);
  add('session of an operator', asPerson(operator), [...ROLE_SCOPES.owner, 'operator'], 'person');
  const loner = await signUpPerson(platform, { name: 'Loner', organisation: null });
  add('session of somebody in no organisation', asPerson(loner), [], 'person');
  const pending = await signUpPerson(platform, { name: 'Pending', isVerified: false });
  add('session before the address is verified', asPerson(pending), [], 'unverified');

  const left = await signUpPerson(platform, { name: 'Left' });
  const ended = asPerson(left);
  await left.call('POST', '/v1/auth/sign-out');
  add('session that has ended', ended, [], 'nobody');
  const revoked = await key(['runs:read'], {}, a.key);
  await world.send({ method: 'POST', path: '/v1/keys/leaked', key: a.key, body: [{ token: revoked }] });
  add('revoked key', bearer(revoked), [], 'nobody');
  return made;
}

beforeAll(async () => {
  world = await createWorld();
  owner = new pg.Client({ connectionString: world.platform.database.ownerUrl });
  await owner.connect();
  ({ routes } = world.platform.server);
  a = await createSide(world, 'ours');
  b = await createSide(world, CANARY);
  subjects = await createSubjects();
}, 120_000);
afterAll(async () => {
  agent.destroy();
  await owner.end();
  await world.close();
});

const ownOf = ({ side }: Subject): Side => (side === 'a' ? a : b);
const otherOf = ({ side }: Subject): Side => (side === 'a' ? b : a);
const each = <T>(which: readonly RouteDefinition[], use: (route: RouteDefinition, subject: Subject) => T): T[] =>
  which.flatMap((route) => subjects.map((subject) => use(route, subject)));

describe('every route', () => {
  it('lets in exactly whom its declaration names, and shows them no word of another organisation', async () => {
    const wrong: unknown[] = [];
    await inParallel(
      each(routes, (route, subject) => ({ route, subject })),
      async ({ route, subject }) => {
        const wanted = expected(route, subject);
        const body = isChange(route) ? JUNK : undefined;
        const headers = { ...subject.headers, ...comingTo(route) };
        const outcome = await ask(route.method, addressOf(route, ownOf(subject).ids), headers, body);
        const found = outcomeOf(outcome, subject);
        // Who is nobody may be told so in more than one way, and SCIM has no codes.
        const isToldSo =
          [401, 403].includes(outcome.status) && (subject.is === 'nobody' || route.scope === 'directory');
        const isRight = wanted === found || (wanted !== 'in' && isToldSo);
        // A sign-in route answers 401 for a bad password too: it is open, and says so by its code.
        const isOpen = route.scope === 'public' && !['auth.missing-key', 'auth.not-signed-in'].includes(found);
        if (!isRight && !isOpen) wrong.push([nameOf(route), subject.name, wanted, found, outcome.status]);
        const isForOperator = isOfOperators(route) && subject.scopes.includes('operator');
        if (!isChange(route) && !isForOperator && tellsOf(outcome, otherOf(subject), subject))
          wrong.push([nameOf(route), subject.name, 'tells of another organisation', outcome.text.slice(0, 300)]);
        if (route.scope !== 'public' && outcome.cacheControl !== 'no-store')
          wrong.push([nameOf(route), subject.name, 'may be kept by browsers and proxies']);
        if (outcome.status >= 500)
          wrong.push([nameOf(route), subject.name, outcome.status, outcome.text.slice(0, 200)]);
      },
    );
    expect(wrong).toEqual([]);
  }, 120_000);

  it('answers for what another organisation owns as for what does not exist, and tells nothing of it', async () => {
    const wrong: unknown[] = [];
    const looked = new Set<string>();
    const withId = routes.filter((route) => kindOf(route) !== undefined);
    expect(withId.length).toBeGreaterThanOrEqual(45);
    // A key with one right gets to objects by that right alone; that it gets no further was just seen.
    const asking = each(withId, (route, subject) => ({ route, subject })).filter(({ route, subject }) =>
      isOfOperators(route)
        ? !subject.scopes.includes('operator')
        : !subject.name.startsWith('key with ') || expected(route, subject) === 'in',
    );
    await inParallel(asking, async ({ route, subject }) => {
      const other = otherOf(subject);
      const send = (ids: Ids) => ask(route.method, addressOf(route, ids), subject.headers, bodyOf(route));
      const foreign = await send(other.ids);
      const missing = await send(missingLike(other.ids));
      const about = [nameOf(route), subject.name, foreign.status, foreign.code, missing.status, missing.code];
      if (foreign.status < 400 || foreign.status >= 500) wrong.push(about);
      if (foreign.status !== missing.status || foreign.code !== missing.code) wrong.push(about);
      if (tellsOf(foreign, other, subject)) wrong.push([...about, foreign.text.slice(0, 300)]);
      // A link to an artifact is signed: who has none is told so before anything is looked for.
      const isSigned = route.scope === 'public';
      if (isSigned || (expected(route, subject) === 'in' && [400, 404].includes(foreign.status)))
        looked.add(nameOf(route));
    });
    expect(wrong).toEqual([]);
    // Somebody came so far with each of them that it was looked for.
    const passed = withId.filter((route) => !isOfOperators(route) && !looked.has(nameOf(route)));
    expect(passed.map(nameOf)).toEqual([]);
  }, 120_000);

  it('of operators finds for them what is there, and for nobody else', async () => {
    const withId = routes.filter((route) => isOfOperators(route) && kindOf(route) !== undefined);
    expect(withId.length).toBeGreaterThanOrEqual(5);
    const operators = subjects.filter(({ scopes }) => scopes.includes('operator'));
    expect(operators.length).toBeGreaterThanOrEqual(2);
    const statuses = async (route: RouteDefinition, ids: Ids): Promise<unknown[]> =>
      Promise.all(
        operators.map(async ({ headers }) => [
          nameOf(route),
          (await ask(route.method, addressOf(route, ids), headers, bodyOf(route))).status,
        ]),
      );
    for (const route of withId) {
      expect(await statuses(route, missingLike(b.ids))).toEqual(operators.map(() => [nameOf(route), 404]));
      // What ends them comes last, and a test of a provider goes out.
      if (['GET', 'PUT'].includes(route.method))
        expect(await statuses(route, b.ids)).toEqual(operators.map(() => [nameOf(route), 200]));
    }
  });

  it('does not act for another organisation that a person names, and tells nothing of it', async () => {
    const wrong: unknown[] = [];
    const people = subjects.filter(({ is, name }) => is === 'person' && !name.includes('access token'));
    const reads = routes.filter(({ scope }) => scope !== 'public' && scope !== 'person' && scope !== 'directory');
    await inParallel(
      reads.flatMap((route) => people.map((subject) => ({ route, subject }))),
      async ({ route, subject }) => {
        const other = otherOf(subject);
        const send = (orgId: string) => {
          const headers = { ...subject.headers, 'guildhall-organisation': orgId };
          return ask(route.method, addressOf(route, other.ids), headers, isChange(route) ? JUNK : undefined);
        };
        const foreign = await send(other.orgId);
        const missing = await send(`org_${'0'.repeat(26)}`);
        const about = [nameOf(route), subject.name, foreign.status, foreign.code, missing.status, missing.code];
        if (foreign.status !== missing.status || foreign.code !== missing.code || foreign.status < 400)
          wrong.push(about);
        if (tellsOf(foreign, other, subject)) wrong.push([...about, foreign.text.slice(0, 300)]);
      },
    );
    expect(wrong).toEqual([]);
  }, 120_000);

  it('is not asked by TRACE, and none is a folder that lists what lies in it', async () => {
    for (const target of ['/', '/v1/keys', '/.git/config', '/docs/', '/v1/', '/files/'])
      expect([target, (await ask('TRACE', target, {})).status]).toEqual([
        target,
        expect.toSatisfy((status) => status >= 400),
      ]);
    for (const target of ['/.git/config', '/.git/', '/v1/', '/files/', '/package.json', '/..%2fpackage.json'])
      expect([target, (await ask('GET', target, {})).status]).toEqual([target, 404]);
  });

  it('was asked more than ten thousand times in all', () => expect(asked).toBeGreaterThanOrEqual(10_000));
});

/** A canary or an id of the other side, which the asker did not send. */
function tellsOf({ text }: Outcome, other: Side, subject: Subject): boolean {
  if (subject.side === 'b') return text.includes(other.person.email) || text.includes(`"${other.ids.key}"`);
  return (
    text.includes(CANARY) ||
    [other.orgId, other.person.email, ...Object.values(other.ids)].some((id) => text.includes(id))
  );
}

describe('a route that nobody thought of', () => {
  const route = (more: Partial<RouteDefinition>) =>
    ({ method: 'GET', path: '/v1/things/{id}', ...more }) as RouteDefinition;

  it('stops the build: its id must be named, and the body with which it is looked at', () => {
    expect(() => kindOf(route({}))).toThrow('access-objects.ts');
    expect(() => bodyOf(route({ method: 'POST', path: '/v1/runs/{id}/things', body: {} }))).toThrow(
      'access-objects.ts',
    );
  });

  it('stops the build: each declares a right that is known, or is one of the open ones', () => {
    const known = [...SCOPES, 'public', 'person', 'directory'];
    expect(routes.filter(({ scope }) => !known.includes(scope)).map(nameOf)).toEqual([]);
  });

  it('stops the build: what each asks of its caller stands in docs/access/routes.md, made by `vitest -u`', async () => {
    await expect(tableOf(routes)).toMatchFileSnapshot(TABLE);
  });
});

/** The page of the docs: one line for each route. */
function tableOf(all: readonly RouteDefinition[]): string {
  const cell = (route: RouteDefinition, role: Role): string => {
    const subject: Subject = { name: role, headers: {}, scopes: ROLE_SCOPES[role], is: 'person', side: 'a' };
    return expected(route, subject) === 'in' ? '✓' : '';
  };
  const rows = all
    .filter(({ path: address }) => !address.startsWith('/docs/'))
    .map((route) => {
      const right = `${route.scope}${route.stepUp ? ', fresh factor' : ''}`;
      return `| \`${nameOf(route)}\` | ${right} | ${ROLES.map((role) => cell(route, role)).join(' | ')} |`;
    })
    .toSorted();
  return `# What each route asks of its caller

Made from the routes that are served, by the test that asks each of them in every way there is (apps/server/test/api/access-matrix.test.ts). A key needs the right in the second column;
a member has the rights of their role; \`public\` is open to everyone, \`person\` to anybody signed in, for their own account, and \`directory\` to a SCIM token. Where a fresh factor is asked for,
a person must have shown one within ten minutes.

| route | right | ${ROLES.join(' | ')} |
| --- | --- | ${ROLES.map(() => '---').join(' | ')} |
${rows.join('\n')}
`;
}
