/** Walks every route of people: those open to everyone, who each were decided, and those for who is signed in. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RouteDefinition } from '../../src/platform/http/index.ts';
import { createClient, lastLink, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { isOfPeople, nameOf } from './world.ts';

/** Open to everyone. Each was decided; a new one is a decision too. */
const PUBLIC = [
  'GET /auth/account',
  'GET /auth/admin',
  'GET /auth/callback/{provider}',
  'GET /auth/email',
  'GET /auth/invitation',
  'GET /auth/magic',
  'GET /auth/reset',
  'GET /auth/saml/{id}/metadata',
  'GET /auth/second-factor',
  'GET /auth/sign-in',
  'GET /auth/sign-up',
  'GET /auth/verify',
  'GET /auth/waiting-list',
  'GET /v1/auth/providers',
  'POST /auth/saml/{id}/acs',
  'POST /v1/auth/admin-link',
  'POST /v1/auth/email/confirm',
  'POST /v1/auth/federation/{provider}',
  'POST /v1/auth/invitation',
  'POST /v1/auth/magic-link',
  'POST /v1/auth/magic-link/confirm',
  'POST /v1/auth/passkey',
  'POST /v1/auth/passkey/options',
  'POST /v1/auth/reset',
  'POST /v1/auth/reset/confirm',
  'POST /v1/auth/saml/start',
  'POST /v1/auth/second-factor',
  'POST /v1/auth/second-factor/options',
  'POST /v1/auth/sign-in',
  'POST /v1/auth/sign-up',
  'POST /v1/auth/waiting-list',
  'POST /v1/auth/waiting-list/confirm',
  'POST /v1/auth/sso',
  'POST /v1/auth/tokens/refresh',
  'POST /v1/auth/verification',
  'POST /v1/auth/verify',
];
/** Open to a person whose address is not verified. */
const UNVERIFIED = ['GET /v1/me', 'POST /v1/auth/sign-out'];
/** SES-10: these at least ask for a factor shown within ten minutes. */
const STEP_UP = [
  'DELETE /v1/me/factors/{id}',
  'DELETE /v1/me/organisations/{id}',
  'POST /v1/auth/tokens',
  'POST /v1/me/factors/passkeys',
  'POST /v1/me/factors/totp',
  'POST /v1/me/organisations/{id}/transfer',
  'POST /v1/keys',
  'POST /v1/keys/{id}/rotate',
  'POST /v1/me/recovery-codes',
  'PUT /v1/me/email',
  'PUT /v1/me/password',
  'POST /v1/operator/factor-resets',
  'PUT /v1/operator/people/{id}',
];

interface Change {
  readonly body?: unknown;
  readonly path?: string;
}

let platform: TestPlatform;
let owner: pg.Client;
let person: TestPerson;
let routes: readonly RouteDefinition[];
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  person = await signUpPerson(platform);
  routes = platform.server.routes.filter(isOfPeople);
});
afterAll(async () => {
  await owner.end();
  await platform.close();
});

const ofPersons = (): readonly RouteDefinition[] => routes.filter(({ scope }) => scope === 'person');
const addressOf = (route: RouteDefinition): string => route.path.replace('{id}', `ses_${'0'.repeat(26)}`);
const cookieOf = (one: TestPerson): string => `__Host-guildhall=${one.cookies.get('__Host-guildhall')}`;
const rowsOf = async (requestId: string | null, action?: string): Promise<number> => {
  const { rows } = await owner.query(
    'select count(*)::int as n from audit.event where request_id = $1 and ($2::text is null or action = $2)',
    [requestId, action ?? null],
  );
  return Number(rows[0]?.n);
};

/** Factors, tokens and organisations are walked with what they need beside their routes. */
const OWN_TAGS = ['People', 'Sessions'];

/** Each as somebody of their own, so that none ends what the next one needs. */
const CHANGES: Readonly<Record<string, (one: TestPerson) => Promise<Change>>> = {
  'PUT /v1/me': async () => ({ body: { name: 'Ada Lovelace', locale: 'ar' } }),
  'PUT /v1/me/organisation': async ({ orgId }) => ({ body: { organisationId: orgId } }),
  'PUT /v1/me/password': async () => ({ body: { password: 'another four words entirely' } }),
  'PUT /v1/me/email': async () => ({ body: { email: 'moved@example.com' } }),
  'DELETE /v1/me/sessions': async () => ({}),
  'DELETE /v1/me/sessions/{id}': async (one) => {
    const { body } = await one.call<{ data: { id: string }[] }>('GET', '/v1/me/sessions');
    return { path: `/v1/me/sessions/${body.data[0]?.id}` };
  },
  'POST /v1/auth/sign-out': async () => ({}),
  'POST /v1/auth/step-up': async ({ password }) => ({ body: { password } }),
};

describe('routes of people', () => {
  it('are open to everyone and to the unverified by the lists alone, and those of the third ask for a fresh factor', () => {
    const names = (which: (route: RouteDefinition) => boolean) => platform.server.routes.filter(which).map(nameOf);
    const open = names((route) => isOfPeople(route) && route.scope === 'public');
    expect(open.filter((name) => !PUBLIC.includes(name))).toEqual([]);
    expect(names(({ unverified }) => unverified === true).toSorted()).toEqual(UNVERIFIED);
    expect(STEP_UP.filter((name) => !names(({ stepUp }) => stepUp === true).includes(name))).toEqual([]);
  });

  it('for persons refuse nobody, a made-up cookie, and an API key with every scope', async () => {
    expect(ofPersons().length).toBeGreaterThanOrEqual(10);
    const body = '{"';
    for (const route of ofPersons()) {
      const send = async (headers: Record<string, string>) => {
        const isRead = route.method === 'GET';
        const all = { origin: platform.url, 'guildhall-request': '1', ...headers };
        const response = await fetch(`${platform.url}${addressOf(route)}`, {
          method: route.method,
          headers: isRead ? all : { ...all, 'content-type': 'application/json' },
          // Broken: who is not known is told so before the body is read.
          ...(isRead ? {} : { body }),
        });
        const problem = (await response.json()) as { code: string };
        return [nameOf(route), response.status, problem.code];
      };
      expect(await send({})).toEqual([nameOf(route), 401, 'auth.not-signed-in']);
      expect(await send({ cookie: '__Host-guildhall=short' })).toEqual([nameOf(route), 401, 'auth.not-signed-in']);
      expect(await send({ cookie: `__Host-guildhall=${'A'.repeat(43)}` })).toEqual([
        nameOf(route),
        401,
        'sessions.invalid',
      ]);
      expect(await send({ authorization: `Bearer ${platform.key}` })).toEqual([
        nameOf(route),
        403,
        'auth.person-needed',
      ]);
    }
  });

  it('that change something refuse what no page of ours sent, before they read the body', async () => {
    for (const route of ofPersons().filter(({ method }) => method !== 'GET')) {
      for (const headers of [
        { origin: platform.url },
        { 'guildhall-request': '1' },
        { origin: 'https://evil.example', 'guildhall-request': '1' },
      ]) {
        const response = await fetch(`${platform.url}${addressOf(route)}`, {
          method: route.method,
          headers: { cookie: cookieOf(person), 'content-type': 'application/json', ...headers } as Record<
            string,
            string
          >,
          body: '{"',
        });
        expect([nameOf(route), response.status]).toEqual([nameOf(route), 403]);
        expect(await rowsOf(response.headers.get('x-request-id'))).toBe(0);
      }
    }
  });

  it('refuse an unverified person, but for those of the list', async () => {
    const eve = await signUpPerson(platform, { isVerified: false });
    for (const route of ofPersons().filter((one) => !UNVERIFIED.includes(nameOf(one)))) {
      const { status, body } = await eve.call(route.method, addressOf(route));
      expect([nameOf(route), status, body.code]).toEqual([nameOf(route), 403, 'auth.not-verified']);
    }
  });

  it('know their bodies: what is unknown, missing or enormous is refused, and nothing is written', async () => {
    // What an identity provider has the browser send is a form.
    for (const route of routes.filter(({ body, crossSite }) => body !== undefined && !crossSite)) {
      const name = nameOf(route);
      const change = await CHANGES[name]?.(person);
      for (const body of [
        {},
        { ...(change?.body as object), personId: 'usr_x' },
        { ...(change?.body as object), isOperator: true },
        {
          email: 'x'.repeat(10_000),
          password: 'x'.repeat(10_000),
          name: 'x'.repeat(10_000),
          token: 'x'.repeat(10_000),
        },
        [],
      ]) {
        // Where everything may be left out, nothing is wrong with nothing.
        if (z.safeParse(route.body as z.ZodType, body).success) continue;
        const answer = await person.call(route.method, addressOf(route), body);
        // The most that a route takes in may be less than what is sent here.
        const code = answer.status === 413 ? 'http.body-too-large' : 'http.invalid-request';
        expect([name, [413, 422].includes(answer.status), answer.body.code]).toEqual([name, true, code]);
        expect(await rowsOf(answer.headers.get('x-request-id'))).toBe(0);
      }
    }
  });

  it('that change something stand in the table, leave one row in the chain of the person, and answer as they declare', async () => {
    const changing = ofPersons().filter(({ method, tag }) => method !== 'GET' && OWN_TAGS.includes(tag));
    expect(changing.map(nameOf).toSorted()).toEqual(Object.keys(CHANGES).toSorted());
    for (const route of changing) {
      const one = await signUpPerson(platform);
      const change = await CHANGES[nameOf(route)]?.(one);
      const answer = await one.call(route.method, change?.path ?? route.path, change?.body);
      expect([nameOf(route), Object.keys(route.responses)]).toEqual([nameOf(route), [String(answer.status)]]);
      expect([nameOf(route), await rowsOf(answer.headers.get('x-request-id'))]).toEqual([nameOf(route), 1]);
      const { rows } = await owner.query('select org_id from audit.event where request_id = $1', [
        answer.headers.get('x-request-id'),
      ]);
      expect(rows).toEqual([{ org_id: one.personId }]);
    }
  });
});

describe('a person', () => {
  it('is a tenant of their own: another one’s session, link and row are not there for them', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const list = async (one: TestPerson) =>
      (await one.call<{ data: { id: string }[] }>('GET', '/v1/me/sessions')).body.data.map(({ id }) => id);
    const [foreign = ''] = await list(eve);
    const ended = await ada.call('DELETE', `/v1/me/sessions/${foreign}`);
    const missing = await ada.call('DELETE', `/v1/me/sessions/ses_${'0'.repeat(26)}`);
    expect([ended.status, { ...ended.body, requestId: '' }]).toEqual([404, { ...missing.body, requestId: '' }]);
    expect(await list(eve)).toEqual([foreign]);
    const app = new pg.Client({ connectionString: platform.database.appUrl });
    await app.connect();
    try {
      for (const tenant of [ada.personId, ada.orgId, '']) {
        await app.query('begin');
        await app.query(`select set_config('guildhall.org_id', $1, true)`, [tenant]);
        for (const table of ['person', 'session', 'link']) {
          const { rows } = await app.query(`select person_id from identity.${table}`);
          const foreignRows = rows.filter(({ person_id: id }) => id !== ada.personId || tenant !== ada.personId);
          expect([tenant, table, foreignRows]).toEqual([tenant, table, []]);
          const others = await app
            .query(`update identity.${table} set person_id = person_id where person_id = $1`, [eve.personId])
            .catch((error: unknown) => {
              // No right to that column at all.
              expect(error).toMatchObject({ code: '42501' });
              return { rowCount: 0 };
            });
          expect(others.rowCount).toBe(0);
          await app.query('rollback');
          await app.query('begin');
          await app.query(`select set_config('guildhall.org_id', $1, true)`, [tenant]);
        }
        await app.query('rollback');
      }
      // Hashes of tokens can be written and not read.
      await expect(app.query('select token_hash from identity.session')).rejects.toMatchObject({ code: '42501' });
      await expect(app.query('select token_hash from identity.link')).rejects.toMatchObject({ code: '42501' });
    } finally {
      await app.end();
    }
  });

  it('leaves no token, password or link in clear anywhere in the database', async () => {
    const ada = await signUpPerson(platform);
    await createClient(platform).call('POST', '/v1/auth/reset', { email: ada.email });
    const canaries = [ada.cookies.get('__Host-guildhall') ?? '', ada.password, await lastLink(platform, ada.email)];
    const { rows: tables } = await owner.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(40);
    for (const { name } of tables) {
      const { rows } = await owner.query(
        `select count(*)::int as n from ${name} t where exists (select from unnest($1::text[]) c where t::text like '%' || c || '%'
           or t::text like '%' || encode(convert_to(c, 'UTF8'), 'hex') || '%')`,
        [canaries],
      );
      expect([name, rows[0].n]).toEqual([name, 0]);
    }
  });
});
