/** For every route that changes something: a request that works, and one that means something else. */
import { signUpPerson } from '../harness/people.ts';
import {
  connectionBody,
  createMaker,
  endpointBody,
  form,
  keyBody,
  MONEY,
  newDomain,
  samlBody,
  type World,
} from './world.ts';

export interface Change {
  readonly path: string;
  readonly body?: unknown;
  /** Under the same Idempotency-Key this is another request; left out where only the address could differ. */
  readonly other?: unknown;
}

/** By name of route. A route that changes something and is missing here fails the walk. */
export function changesOf(world: World): Readonly<Record<string, () => Promise<Change>>> {
  const { own, platform } = world;
  const make = createMaker(platform, world.send, own);
  const budget = { scope: { type: 'key', id: 'key_x' }, period: 'day', limit: MONEY, hard: false };
  const credit = { organisationId: own.orgId, amount: MONEY, reason: 'test' };
  const limit = { name: 'key', organisationId: own.orgId, max: 5_000_000 };
  const price = {
    provider: 'compatible',
    name: 'a-model',
    perMillionTokens: { input: MONEY, output: MONEY },
    source: 'a test',
  };
  // Nobody answers there, and it is stored nevertheless.
  const provider = { kind: 'compatible', baseUrl: 'https://a.example/v1', key: 'sk-0123456789abcdef', force: true };
  const stored = async (path: string, suffix: string, more: object): Promise<Change> => {
    const { json } = await world.send({ method: 'POST', path, key: own.key, body: provider });
    return { path: `${path}/${String(json.id)}${suffix}`, ...more };
  };
  const model = 'openai/gpt-4o-mini';
  const chat = { model, messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 };
  const response = { model, input: 'hi', max_output_tokens: 16 };
  const embedding = { model: 'openai/text-embedding-3-small', input: 'hi' };
  const policy = { refuseDataRetention: false, mayFallBack: true };
  const choice = { name: 'small', models: [{ model, weight: 1 }] };
  // Settings that are as they were leave no row in the audit trail.
  let ttlSeconds = 100;
  const fixed = (path: string, body: unknown, other: unknown) => async (): Promise<Change> => ({ path, body, other });
  const member = async (suffix: string, more: object): Promise<Change> => ({
    path: `/v1/organisation/members/${await make.member()}${suffix}`,
    ...more,
  });
  const endpoint = async (suffix: string, more: object): Promise<Change> => ({
    path: `/v1/webhook-endpoints/${await make.endpoint()}${suffix}`,
    ...more,
  });
  return {
    'POST /v1/agents/{id}/runs': fixed('/v1/agents/keeper/runs', { input: { say: 'a' } }, { input: { say: 'b' } }),
    'POST /v1/runs/{id}/cancel': async () => ({ path: `/v1/runs/${(await make.waitingRun()).run}/cancel` }),
    'POST /v1/runs/{id}/replay': async () => ({
      path: `/v1/runs/${own.objects.run}/replay`,
      body: {},
      other: { fromStep: 0 },
    }),
    'POST /v1/runs/{id}/approvals/{approvalId}': async () => {
      const { run, approval } = await make.waitingRun();
      return {
        path: `/v1/runs/${run}/approvals/${approval}`,
        body: { decision: 'approve' },
        other: { decision: 'reject' },
      };
    },
    'POST /v1/chat/completions': fixed('/v1/chat/completions', chat, { ...chat, max_tokens: 6 }),
    'POST /v1/responses': fixed('/v1/responses', response, { ...response, input: 'ho' }),
    'POST /v1/messages': fixed('/v1/messages', chat, { ...chat, max_tokens: 6 }),
    'POST /v1/embeddings': fixed('/v1/embeddings', embedding, { ...embedding, input: 'ho' }),
    'PUT /v1/model-policy': fixed('/v1/model-policy', policy, { ...policy, mayFallBack: false }),
    'PUT /v1/egress-hosts': fixed('/v1/egress-hosts', { hosts: null }, { hosts: ['example.com'] }),
    'PUT /v1/model-settings': async () => {
      ttlSeconds += 2;
      const settings = (seconds: number) => ({ responseCache: { enabled: false, ttlSeconds: seconds } });
      return { path: '/v1/model-settings', body: settings(ttlSeconds), other: settings(ttlSeconds + 1) };
    },
    'PUT /v1/operator/model-choices': fixed('/v1/operator/model-choices', choice, { name: 'small', models: null }),
    'POST /v1/files': async () => ({ path: '/v1/files', body: form('one'), other: form('two') }),
    'DELETE /v1/files/{id}': async () => ({ path: `/v1/files/${await make.file()}` }),
    'PUT /v1/budgets': fixed('/v1/budgets', budget, { ...budget, hard: true }),
    'POST /v1/keys': fixed('/v1/keys', keyBody, { ...keyBody, name: 'other' }),
    'DELETE /v1/keys/{id}': async () => ({ path: `/v1/keys/${await make.key()}` }),
    'POST /v1/keys/{id}/rotate': async () => ({
      path: `/v1/keys/${await make.key()}/rotate`,
      body: { overlapSeconds: 60 },
      other: { overlapSeconds: 61 },
    }),
    'POST /v1/operator/organisations': fixed('/v1/operator/organisations', { name: 'New' }, { name: 'Newer' }),
    'POST /v1/operator/credits': fixed('/v1/operator/credits', credit, { ...credit, reason: 'other' }),
    'PUT /v1/operator/limits': fixed('/v1/operator/limits', limit, { ...limit, max: 6_000_000 }),
    'PUT /v1/operator/people/{id}': async () => {
      const { personId } = await signUpPerson(platform, { organisation: null });
      return { path: `/v1/operator/people/${personId}`, body: { isDisabled: true }, other: { isDisabled: false } };
    },
    'POST /v1/operator/factor-resets': async () => {
      const [{ email }, other] = [
        await signUpPerson(platform, { organisation: null }),
        await signUpPerson(platform, { organisation: null }),
      ];
      return { path: '/v1/operator/factor-resets', body: { email }, other: { email: other.email } };
    },
    'POST /v1/operator/model-prices': fixed('/v1/operator/model-prices', price, { ...price, source: 'other' }),
    'POST /v1/operator/providers': fixed('/v1/operator/providers', provider, { ...provider, name: 'other' }),
    'PUT /v1/operator/providers/{id}': () =>
      stored('/v1/operator/providers', '', { body: { weight: 2 }, other: { weight: 3 } }),
    'POST /v1/operator/providers/{id}/test': () => stored('/v1/operator/providers', '/test', {}),
    'DELETE /v1/operator/providers/{id}': () => stored('/v1/operator/providers', '', {}),
    'POST /v1/provider-keys': fixed('/v1/provider-keys', provider, { ...provider, name: 'other' }),
    'POST /v1/provider-keys/{id}/test': () => stored('/v1/provider-keys', '/test', {}),
    'DELETE /v1/provider-keys/{id}': () => stored('/v1/provider-keys', '', {}),
    'PUT /v1/organisation': fixed('/v1/organisation', { name: 'Renamed' }, { name: 'Otherwise' }),
    'PUT /v1/organisation/second-factor': fixed(
      '/v1/organisation/second-factor',
      { isRequired: true },
      { isRequired: false },
    ),
    'PUT /v1/organisation/members/{id}': () => member('', { body: { role: 'viewer' }, other: { role: 'billing' } }),
    'DELETE /v1/organisation/members/{id}': () => member('', {}),
    'POST /v1/organisation/service-accounts': fixed(
      '/v1/organisation/service-accounts',
      { name: 'Robot', role: 'viewer' },
      { name: 'Robot', role: 'developer' },
    ),
    'POST /v1/organisation/service-accounts/{id}/keys': async () => ({
      path: `/v1/organisation/service-accounts/${await make.member()}/keys`,
      body: keyBody,
      other: { ...keyBody, name: 'other' },
    }),
    'POST /v1/organisation/invitations': fixed(
      '/v1/organisation/invitations',
      { role: 'viewer', email: 'guest@example.com' },
      { role: 'billing', email: 'guest@example.com' },
    ),
    'DELETE /v1/organisation/invitations/{id}': async () => ({
      path: `/v1/organisation/invitations/${await make.invitation()}`,
    }),
    'PUT /v1/audit/stream': fixed('/v1/audit/stream', { enabled: true }, { enabled: false }),
    'POST /v1/operator/sign-up-codes': fixed('/v1/operator/sign-up-codes', { usesMax: 2 }, { usesMax: 3 }),
    'DELETE /v1/operator/sign-up-codes/{id}': async () => {
      const path = '/v1/operator/sign-up-codes';
      const { json } = await world.send({ method: 'POST', path, key: own.key, body: {} });
      return { path: `${path}/${String(json.id)}` };
    },
    'POST /v1/operator/waiting-list/invite': fixed('/v1/operator/waiting-list/invite', { count: 1 }, { count: 2 }),
    'POST /v1/organisation/sso/saml': fixed('/v1/organisation/sso/saml', samlBody, { ...samlBody, name: 'other' }),
    'PUT /v1/organisation/sso/saml/{id}': async () => ({
      path: `/v1/organisation/sso/saml/${own.objects.samlConnection}`,
      body: samlBody,
      other: { ...samlBody, enabled: false },
    }),
    'DELETE /v1/organisation/sso/saml/{id}': async () => ({
      path: `/v1/organisation/sso/saml/${await make.samlConnection()}`,
    }),
    'POST /v1/organisation/scim-tokens': fixed('/v1/organisation/scim-tokens', { name: 'A' }, { name: 'B' }),
    'POST /v1/organisation/scim-tokens/{id}/rotate': async () => ({
      path: `/v1/organisation/scim-tokens/${await make.scimToken()}/rotate`,
      body: { overlapSeconds: 0 },
      other: { overlapSeconds: 9 },
    }),
    'DELETE /v1/organisation/scim-tokens/{id}': async () => ({
      path: `/v1/organisation/scim-tokens/${await make.scimToken()}`,
    }),
    'PUT /v1/organisation/scim': fixed(
      '/v1/organisation/scim',
      { defaultRole: 'viewer', groupRoles: [] },
      { defaultRole: 'billing', groupRoles: [] },
    ),
    'POST /v1/organisation/domains': async () => ({
      path: '/v1/organisation/domains',
      body: { domain: newDomain() },
      other: { domain: newDomain() },
    }),
    'POST /v1/organisation/domains/{id}/verify': async () => ({
      path: `/v1/organisation/domains/${await make.domain()}/verify`,
    }),
    'DELETE /v1/organisation/domains/{id}': async () => ({ path: `/v1/organisation/domains/${await make.domain()}` }),
    'PUT /v1/organisation/sso': fixed('/v1/organisation/sso', { required: false }, { required: true }),
    'POST /v1/organisation/sso/oidc': fixed('/v1/organisation/sso/oidc', connectionBody, {
      ...connectionBody,
      clientId: 'other',
    }),
    'PUT /v1/organisation/sso/oidc/{id}': async () => ({
      path: `/v1/organisation/sso/oidc/${await make.connection()}`,
      body: { name: 'Changed' },
      other: { name: 'Otherwise' },
    }),
    'DELETE /v1/organisation/sso/oidc/{id}': async () => ({
      path: `/v1/organisation/sso/oidc/${await make.connection()}`,
    }),
    'POST /v1/webhook-endpoints': fixed('/v1/webhook-endpoints', endpointBody, { ...endpointBody, description: 'o' }),
    'PUT /v1/webhook-endpoints/{id}': () =>
      endpoint('', { body: { description: 'changed' }, other: { description: 'otherwise' } }),
    'DELETE /v1/webhook-endpoints/{id}': () => endpoint('', {}),
    'POST /v1/webhook-endpoints/{id}/rotate': () =>
      endpoint('/rotate', { body: { overlapSeconds: 0 }, other: { overlapSeconds: 9 } }),
    'POST /v1/webhook-endpoints/{id}/replay': () =>
      endpoint('/replay', {
        body: { failed: true },
        other: { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
      }),
  };
}
