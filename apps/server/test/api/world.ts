/** Two organisations with one object of every kind, and for every route that changes something a request that works. */
import { SCOPES, type Scope } from '@guildhall/contract';
import { sql } from '../../src/platform/db/index.ts';
import type { RouteDefinition } from '../../src/platform/http/index.ts';
import type { Logger } from '../../src/platform/telemetry/index.ts';
import { startMockProvider } from '../harness/mock-provider/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { createSamlIdp } from '../harness/saml-idp.ts';
import { asker, keeper } from './agents.ts';

/** Ids of one object of every kind, by the name that stands for it in paths. */
export interface Objects {
  readonly run: string;
  readonly approvalRun: string;
  readonly approval: string;
  readonly file: string;
  readonly artifact: string;
  readonly key: string;
  readonly endpoint: string;
  readonly domain: string;
  readonly connection: string;
  /** A service account. */
  readonly member: string;
  readonly invitation: string;
  readonly samlConnection: string;
  readonly scimToken: string;
}

export interface Member {
  readonly orgId: string;
  readonly key: string;
  readonly objects: Objects;
}

export interface World {
  readonly platform: TestPlatform;
  /** All but those of people, of directories and of scanners, who are walked by themselves. */
  readonly routes: readonly RouteDefinition[];
  readonly own: Member;
  readonly foreign: Member;
  /** A key of the first organisation with every scope but this one. */
  readonly keyWithout: ReadonlyMap<Scope, string>;
  readonly testKey: string;
  /** Every line logged so far, as JSON. */
  readonly lines: string[];
  send(request: Request): Promise<Answer>;
  close(): Promise<void>;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly key?: string | undefined;
  /** An object is sent as JSON, a text as it stands, a form as a form. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined for what is not JSON. */
  readonly json: Record<string, unknown>;
  readonly requestId: string;
}

/** In every text of the foreign organisation: what must never reach the other one. */
export const CANARY = 'canary-of-the-foreign-organisation';
export const MONEY = { nanos: '1000000000', currency: 'USD' };

/**
 * Calls of models: bodies and errors are in the client's own language, they are booked in history and usage instead of the audit trail, and a
 * repeat is refused, for no answer of theirs is kept.
 */
export const CALLS: readonly string[] = [
  'POST /v1/chat/completions',
  'POST /v1/responses',
  'POST /v1/messages',
  'POST /v1/embeddings',
];

/** The problem document of an answer, also where it stands in the words of another house's clients. */
export function problemIn({ json }: Pick<Answer, 'json'>): Answer['json'] {
  const { error } = json;
  if (typeof error !== 'object' || error === null) return json;
  const { documentation: type, message: detail, ...members } = error as Record<string, unknown>;
  return { ...members, type, detail };
}

/** Asked by somebody who signs in or is signed in; an API key has no business there. */
export const isOfPeople = ({ scope, path }: Pick<RouteDefinition, 'scope' | 'path'>): boolean =>
  scope === 'person' || /^(\/v1)?\/auth\//.test(path);

/** Sent by scanners without a key, about keys of anybody; identity/keys/keys.test.ts walks it. */
const isOfScanners = ({ path }: Pick<RouteDefinition, 'path'>): boolean => path === '/v1/keys/leaked';

/** Sent by directories with tokens of their own, in the words of SCIM; scim.test.ts walks it. */
export const isOfDirectories = ({ scope }: Pick<RouteDefinition, 'scope'>): boolean => scope === 'directory';

export const nameOf = (route: Pick<RouteDefinition, 'method' | 'path'>): string => `${route.method} ${route.path}`;

export const form = (content: string, name = 'a.txt'): FormData => {
  const made = new FormData();
  made.set('file', new Blob([content]), name);
  return made;
};

function recorder(lines: string[]): Logger {
  const write = (message: string, fields: object = {}): void => {
    lines.push(JSON.stringify([message, fields, 'error' in fields ? String(fields.error) : '']));
  };
  const logger: Logger = { debug: write, info: write, warn: write, error: write, fatal: write, child: () => logger };
  return logger;
}

async function sendTo(url: string, request: Request): Promise<Answer> {
  const { body, key } = request;
  const isText = typeof body === 'string';
  const isForm = body instanceof FormData;
  const response = await fetch(`${url}${request.path}`, {
    method: request.method,
    signal: AbortSignal.timeout(15_000),
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body: isText || isForm ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '') && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (isJson ? JSON.parse(text) : {}) as Record<string, unknown>,
    requestId: response.headers.get('x-request-id') ?? '',
  };
}

type Send = World['send'];

async function idOf(send: Send, request: Request): Promise<string> {
  const answer = await send(request);
  if (typeof answer.json.id !== 'string')
    throw new Error(`${request.method} ${request.path}: ${answer.status} ${answer.text}`);
  return answer.json.id;
}

async function untilStatus(send: Send, key: string, run: string, status: string): Promise<void> {
  for (let left = 400; left > 0; left -= 1) {
    const { json } = await send({ method: 'GET', path: `/v1/runs/${run}`, key });
    if (json.status === status) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`run ${run} did not become ${status}`);
}

// No run fails here, so nothing is sent to where nobody answers.
export const endpointBody = { url: 'https://example.com/hook', events: ['run.failed.v1'], description: CANARY };
const idp = createSamlIdp('walked');
export const samlBody = {
  name: CANARY,
  entityId: idp.entityId,
  ssoUrl: idp.ssoUrl,
  certificates: [idp.certificate],
};
export const keyBody = { name: 'K', scopes: ['runs:read'], mode: 'live' };

// Nobody answers there, and it is kept nevertheless.
export const connectionBody = {
  name: CANARY,
  issuer: 'https://idp.example',
  clientId: 'guildhall',
  clientSecret: 'a-secret-of-a-client',
};
let domains = 0;
export const newDomain = (): string => {
  domains += 1;
  return `number-${domains}.example.com`;
};

/** Makes objects of one organisation; each call makes new ones. */
export function createMaker(platform: TestPlatform, send: Send, owner: { orgId: string; key: string }) {
  const { key, orgId } = owner;
  const post = (path: string, body: unknown) => idOf(send, { method: 'POST', path, key, body });
  return {
    run: () => post('/v1/agents/keeper/runs?wait=10', { input: { say: CANARY } }),
    file: () => post('/v1/files', form(CANARY)),
    key: () => post('/v1/keys', keyBody),
    endpoint: () => post('/v1/webhook-endpoints', endpointBody),
    /** With its record in DNS. */
    domain: async () => {
      const { json } = await send({
        method: 'POST',
        path: '/v1/organisation/domains',
        key,
        body: { domain: newDomain() },
      });
      const { name, value } = json.record as { name: string; value: string };
      platform.records.set(name, value);
      return String(json.id);
    },
    connection: () => post('/v1/organisation/sso/oidc', connectionBody),
    member: () => post('/v1/organisation/service-accounts', { name: CANARY, role: 'viewer' }),
    invitation: () => post('/v1/organisation/invitations', { role: 'viewer' }),
    samlConnection: () => post('/v1/organisation/sso/saml', samlBody),
    scimToken: () => post('/v1/organisation/scim-tokens', { name: CANARY }),
    waitingRun: async () => {
      const run = await post('/v1/agents/asker/runs', { input: {} });
      await untilStatus(send, key, run, 'waiting');
      const found = await platform.db.tenant(orgId, (tx) =>
        sql<{ id: string }>`select id from runs.approval where run_id = ${run}`.execute(tx),
      );
      return { run, approval: found.rows[0]?.id ?? '' };
    },
  };
}

async function makeObjects(platform: TestPlatform, send: Send, owner: { orgId: string; key: string }) {
  const maker = createMaker(platform, send, owner);
  const run = await maker.run();
  const waiting = await maker.waitingRun();
  const shown = await send({ method: 'GET', path: `/v1/runs/${run}`, key: owner.key });
  const [artifact] = shown.json.artifacts as { id: string }[];
  return {
    run,
    approvalRun: waiting.run,
    approval: waiting.approval,
    file: await maker.file(),
    artifact: artifact?.id ?? '',
    key: await maker.key(),
    endpoint: await maker.endpoint(),
    domain: await maker.domain(),
    connection: await maker.connection(),
    member: await maker.member(),
    invitation: await maker.invitation(),
    samlConnection: await maker.samlConnection(),
    scimToken: await maker.scimToken(),
  };
}

/** The first organisation's key can do everything; further keys of it can do everything but one. */
export async function createWorld(more: Readonly<Record<string, string>> = {}): Promise<World> {
  const lines: string[] = [];
  const mock = await startMockProvider();
  const environment = { OPENAI_API_KEY: 'sk-0123456789abcdef', OPENAI_BASE_URL: `${mock.url}/v1`, ...more };
  const platform = await testPlatform({ agents: asAgents(asker, keeper), log: recorder(lines), environment });
  const send: Send = (request) => sendTo(platform.url, request);
  const first = { orgId: platform.orgId, key: platform.key };
  const second = await platform.organisation(CANARY);
  const own = { ...first, objects: await makeObjects(platform, send, first) };
  const foreign = { ...second, objects: await makeObjects(platform, send, second) };
  const keyWith = async (scopes: readonly Scope[], mode = 'live'): Promise<string> => {
    const body = { name: 'K', scopes, mode };
    return String((await send({ method: 'POST', path: '/v1/keys', key: own.key, body })).json.secret);
  };
  const keyWithout = new Map<Scope, string>();
  for (const scope of SCOPES) keyWithout.set(scope, await keyWith(SCOPES.filter((other) => other !== scope)));
  return {
    platform,
    routes: platform.server.routes.filter(
      (route) => !isOfPeople(route) && !isOfScanners(route) && !isOfDirectories(route),
    ),
    own,
    foreign,
    keyWithout,
    testKey: await keyWith(SCOPES, 'test'),
    lines,
    send,
    close: async () => {
      await platform.close();
      await mock.close();
    },
  };
}
