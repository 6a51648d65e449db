/** For every route with an id in its address: an object of one's own, one of another organisation, and what to send so that it would be touched. */
import { SCOPES } from '@guildhall/contract';
import pg from 'pg';
import type { RouteDefinition } from '../../src/platform/http/index.ts';
import { signUpPerson, type TestPerson } from '../harness/people.ts';
import type { TestPlatform } from '../harness/platform.ts';
import { createSamlIdp } from '../harness/saml-idp.ts';
import { endpointBody, form, nameOf, type World } from './world.ts';

/** By kind: the id of one object. */
export type Ids = Readonly<Record<Kind, string>>;

/** One organisation, its first person, a key with every scope, and an object of every kind. */
export interface Side {
  readonly orgId: string;
  readonly person: TestPerson;
  readonly key: string;
  readonly directoryToken: string;
  readonly ids: Ids;
}

/** Which kind of object the id of an address names, by the address up to it; the first that fits. */
const KINDS = {
  run: /^\/v1\/runs\//,
  file: /^\/v1\/files\//,
  artifact: /^\/v1\/artifacts\//,
  providerKey: /^\/v1\/provider-keys\//,
  call: /^\/v1\/calls\//,
  key: /^\/v1\/keys\//,
  person: /^\/v1\/operator\/people\//,
  provider: /^\/v1\/operator\/providers\//,
  signUpCode: /^\/v1\/operator\/sign-up-codes\//,
  member: /^\/v1\/organisation\/members\//,
  serviceAccount: /^\/v1\/organisation\/service-accounts\//,
  invitation: /^\/v1\/organisation\/invitations\//,
  organisation: /^\/v1\/me\/organisations\//,
  session: /^\/v1\/me\/sessions\//,
  factor: /^\/v1\/me\/factors\/\{/,
  device: /^\/v1\/me\/devices\//,
  identityLink: /^\/v1\/me\/identity-links\//,
  domain: /^\/v1\/organisation\/domains\//,
  oidc: /^\/v1\/organisation\/sso\/oidc\//,
  saml: /^\/v1\/organisation\/sso\/saml\//,
  scimToken: /^\/v1\/organisation\/scim-tokens\//,
  scimUser: /^\/scim\/v2\/Users\//,
  scimGroup: /^\/scim\/v2\/Groups\//,
  endpoint: /^\/v1\/webhook-endpoints\//,
} as const satisfies Readonly<Record<string, RegExp>>;
export type Kind = keyof typeof KINDS;

/** Their ids name nothing that belongs to somebody: what comes with the program, pages and doors of strangers. */
const SHARED: readonly RegExp[] = [
  /^\/v1\/agents\//,
  /^\/v1\/models\//,
  /^\/scim\/v2\/(ResourceTypes|Schemas)\//,
  /^(\/v1)?\/auth\//,
];

/** What must be sent for the id to be looked at; routes without a body are not here. */
const BODIES: Readonly<Record<string, unknown>> = {
  'POST /v1/runs/{id}/replay': {},
  'POST /v1/runs/{id}/approvals/{approvalId}': { decision: 'approve' },
  'POST /v1/keys/{id}/rotate': { overlapSeconds: 0 },
  'PUT /v1/operator/people/{id}': { isDisabled: false },
  'PUT /v1/operator/providers/{id}': { weight: 2 },
  'PUT /v1/organisation/members/{id}': { role: 'viewer' },
  'POST /v1/organisation/service-accounts/{id}/keys': { name: 'K', scopes: ['runs:read'], mode: 'live' },
  'POST /v1/me/organisations/{id}/transfer': { memberId: `mbr_${'0'.repeat(26)}` },
  'POST /v1/me/factors/{id}/confirm': { code: '123456' },
  'PUT /v1/organisation/sso/oidc/{id}': { name: 'x' },
  'PUT /v1/organisation/sso/saml/{id}': undefined,
  'POST /v1/organisation/scim-tokens/{id}/rotate': { overlapSeconds: 0 },
  'PUT /scim/v2/Users/{id}': { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'x@example.com' },
  'PATCH /scim/v2/Users/{id}': {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value: false }],
  },
  'PUT /scim/v2/Groups/{id}': { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'x' },
  'PATCH /scim/v2/Groups/{id}': {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'displayName', value: 'x' }],
  },
  'PUT /v1/webhook-endpoints/{id}': { description: 'x' },
  'POST /v1/webhook-endpoints/{id}/rotate': { overlapSeconds: 0 },
  'POST /v1/webhook-endpoints/{id}/replay': { failed: true },
};

const samlBody = (mark: string) => {
  const idp = createSamlIdp(mark);
  return { name: mark, entityId: idp.entityId, ssoUrl: idp.ssoUrl, certificates: [idp.certificate] };
};

/** What the id of a route names; undefined where it is nobody's own. @throws for a route that this table does not know. */
export function kindOf({ path }: Pick<RouteDefinition, 'path'>): Kind | undefined {
  if (!path.includes('{') || SHARED.some((shared) => shared.test(path))) return undefined;
  const found = Object.entries(KINDS).find(([, pattern]) => pattern.test(path));
  if (!found) throw new Error(`${path}: say in access-objects.ts what its id names`);
  // Its own keys.
  return found[0] as Kind;
}

/** @throws for a route whose body is not in the table and cannot be left out. */
export function bodyOf(route: RouteDefinition): unknown {
  const name = nameOf(route);
  if (name === 'PUT /v1/organisation/sso/saml/{id}') return samlBody('x');
  if (name in BODIES) return BODIES[name];
  if (route.body !== undefined && route.method !== 'GET')
    throw new Error(`${name}: say in access-objects.ts with which body its id is looked at`);
  return undefined;
}

export const MISSING_IDS = Object.fromEntries(
  Object.keys(KINDS).map((kind) => [kind, `${kind.startsWith('scim') ? 'mbr' : 'xxx'}_${'0'.repeat(26)}`]),
  // One for each kind.
) as Ids;

/** The same prefix as a real one, so that nothing but being there tells them apart. */
export const missingLike = (ids: Ids): Ids =>
  Object.fromEntries(
    Object.entries(ids).map(([kind, id]) => [kind, id.replace(/(?<=_)[0-9a-z]{26}$/, '0'.repeat(26))]),
    // The same kinds.
  ) as Ids;

type Post = (path: string, body: unknown) => Promise<Record<string, unknown>>;

async function post(send: () => Promise<{ status: number; body: Record<string, unknown> }>, what: string) {
  const { status, body } = await send();
  if (status >= 300) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function plantRows(
  platform: TestPlatform,
  { orgId, personId }: TestPerson,
  mark: string,
): Promise<{ oidc: string; link: string }> {
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const { ids } = platform.server.foundation;
  const [oidc, link] = [ids.make('con'), ids.make('lnk')];
  // Made by hand, because the interface would ask an identity provider first.
  await owner.query(
    `insert into identity.oidc_connection (id, org_id, name, issuer, client_id, sealed, default_role, last_check)
     values ($1, $2, $3, 'https://idp.example', 'client', '\\x00', 'viewer', '{"ok":true,"message":"","checkedAt":"2026-01-01T00:00:00.000Z"}')`,
    [oidc, orgId, mark],
  );
  await owner.query(
    `insert into identity.identity_link (id, person_id, issuer, subject, provider) values ($1, $2, 'https://idp.example', $1, 'google')`,
    [link, personId],
  );
  await owner.end();
  return { oidc, link };
}

// An id for what no route of this program names.
const NOT_SERVED = `non_${'1'.repeat(26)}`;

/** An organisation that a person founded, with an object of every kind. `mark` stands in all its texts. */
export async function createSide(world: World, mark: string): Promise<Side> {
  const { platform } = world;
  const person = await signUpPerson(platform, { name: mark, organisation: mark });
  const { orgId } = person;
  const { foundation, platform: parts } = platform.server;
  await foundation.db.tenant(orgId, (tx) =>
    parts.ledger.grant(tx, { transferId: `${orgId}:test`, orgId, amountNanos: 5_000_000_000n, reason: 'test' }),
  );
  const asPerson: Post = (path, body) => post(() => person.call('POST', path, body), path);
  const scopes = SCOPES.filter((scope) => scope !== 'operator');
  const made = await asPerson('/v1/keys', { name: mark, scopes, mode: 'live' });
  const key = String(made.secret);
  const asKey: Post = (path, body) => post(() => platform.call('POST', path, body, { key }), path);
  const idOf = async (doing: Promise<Record<string, unknown>>) => String((await doing).id);
  const run = await idOf(asKey('/v1/agents/keeper/runs?wait=10', { input: { say: mark } }));
  const file = await world.send({ method: 'POST', path: '/v1/files', key, body: form(mark) });
  const shown = await platform.call<{ artifacts: { id: string }[] }>('GET', `/v1/runs/${run}`, undefined, { key });
  const hello = { model: 'openai/gpt-4o-mini', messages: [{ role: 'user', content: mark }], max_tokens: 5 };
  await asKey('/v1/chat/completions', hello);
  const calls = await platform.call<{ data: { id: string }[] }>('GET', '/v1/calls', undefined, { key });
  const { routes } = platform.server;
  const isServed = (prefix: string): boolean => routes.some((route) => route.path.startsWith(prefix));
  const nothing = async () => ({ id: NOT_SERVED });
  const hasDirectories = isServed('/scim/v2/');
  const token = hasDirectories ? await asPerson('/v1/organisation/scim-tokens', { name: mark }) : await nothing();
  const directoryToken = 'secret' in token ? String(token.secret) : '';
  const asOperator: Post = (path, body) => post(() => platform.call('POST', path, body), path);
  const asDirectory: Post = (path, body) =>
    post(() => platform.call('POST', path, body, { key: directoryToken }), path);
  const user = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], externalId: mark };
  const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: mark };
  const isFederated = isServed('/v1/organisation/sso/oidc');
  const planted = isFederated ? await plantRows(platform, person, mark) : { oidc: NOT_SERVED, link: NOT_SERVED };
  const sessions = await person.call<{ data: { id: string }[] }>('GET', '/v1/me/sessions');
  const devices = await person.call<{ data: { id: string }[] }>('GET', '/v1/me/devices');
  const provider = { kind: 'compatible', baseUrl: 'https://a.example/v1', key: 'sk-0123456789abcdef', force: true };
  const account = await asPerson('/v1/organisation/service-accounts', { name: mark, role: 'developer' });
  const invitation = await asPerson('/v1/organisation/invitations', { role: 'viewer' });
  const name = `${person.personId.slice(-12)}.example.com`;
  const domain = isFederated ? await asPerson('/v1/organisation/domains', { domain: name }) : await nothing();
  const ids: Ids = {
    run,
    file: String(file.json.id),
    artifact: shown.body.artifacts[0]?.id ?? '',
    providerKey: await idOf(asKey('/v1/provider-keys', provider)),
    call: calls.body.data[0]?.id ?? '',
    key: String(made.id),
    person: person.personId,
    provider: await idOf(asOperator('/v1/operator/providers', { ...provider, name: mark })),
    signUpCode: await idOf(asOperator('/v1/operator/sign-up-codes', { note: mark })),
    member: person.memberId,
    serviceAccount: String(account.id),
    invitation: String(invitation.id),
    organisation: orgId,
    session: sessions.body.data[0]?.id ?? '',
    factor: await idOf(asPerson('/v1/me/factors/totp', { name: mark })),
    device: devices.body.data[0]?.id ?? '',
    identityLink: planted.link,
    domain: String(domain.id),
    oidc: planted.oidc,
    saml: await idOf(asPerson('/v1/organisation/sso/saml', samlBody(mark))),
    scimToken: String(token.id),
    scimUser: await idOf(
      hasDirectories ? asDirectory('/scim/v2/Users', { ...user, userName: `u@${name}` }) : nothing(),
    ),
    scimGroup: await idOf(hasDirectories ? asDirectory('/scim/v2/Groups', group) : nothing()),
    endpoint: await idOf(asKey('/v1/webhook-endpoints', { ...endpointBody, description: mark })),
  };
  const empty = Object.entries(ids).filter(([, id]) => id === '' || id === 'undefined');
  if (empty.length > 0) throw new Error(`no object of ${empty.map(([kind]) => kind).join(', ')}`);
  return { orgId, person, key, directoryToken, ids };
}
