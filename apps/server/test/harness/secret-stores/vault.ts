/** Stands in for HashiCorp Vault: the engine KV version 2 under `secret/`, tokens and AppRole, as its HTTP documentation describes them. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface FakeVault {
  readonly url: string;
  /** A token that may read everything, until it is taken out of `tokens`. */
  readonly token: string;
  readonly tokens: Set<string>;
  readonly roleId: string;
  readonly secretId: string;
  /** `METHOD path` of every request, in order. */
  readonly requests: string[];
  put(path: string, fields: Readonly<Record<string, unknown>>): void;
  /** As `vault kv delete` does: the latest version is marked as deleted. */
  remove(path: string): void;
  seal(isSealed: boolean): void;
  /** Ends every token that a login gave. */
  revokeLogins(): void;
  close(): Promise<void>;
}

const NAMESPACE = 'team';

/** Requests without the namespace `team` see nothing where it is asked for. */
export async function startFakeVault({ namespaced = false } = {}): Promise<FakeVault> {
  const documents = new Map<string, Readonly<Record<string, unknown>> | null>();
  const token = `hvs.${randomBytes(24).toString('base64url')}`;
  const tokens = new Set([token]);
  const [roleId, secretId] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const logins = new Set<string>();
  const requests: string[] = [];
  let sealed = false;

  const login = (body: string): readonly [number, unknown] => {
    const given = JSON.parse(body) as { role_id?: string; secret_id?: string };
    if (given.role_id !== roleId || given.secret_id !== secretId)
      return [400, { errors: ['invalid role or secret ID'] }];
    const made = `hvs.${randomBytes(24).toString('base64url')}`;
    logins.add(made);
    return [200, { auth: { client_token: made, lease_duration: 1_200, renewable: true, token_type: 'service' } }];
  };
  const read = (path: string): readonly [number, unknown] => {
    const [, name] = /^secret\/data\/(.+)$/.exec(path) ?? [];
    const found = name === undefined ? undefined : documents.get(decodeURIComponent(name));
    if (found === undefined) return [404, { errors: [] }];
    const metadata = { created_time: '2026-01-02T03:04:05Z', deletion_time: '', destroyed: false, version: 1 };
    if (found === null)
      return [404, { data: { data: null, metadata: { ...metadata, deletion_time: '2026-01-03T00:00:00Z' } } }];
    return [
      200,
      { request_id: 'r', lease_id: '', renewable: false, lease_duration: 0, data: { data: found, metadata } },
    ];
  };
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace(/^\/v1\//, '');
    requests.push(`${request.method} ${path}`);
    const body = await text(request);
    const shown = request.headers['x-vault-token'];
    const isKnown = typeof shown === 'string' && (tokens.has(shown) || logins.has(shown));
    const answer = (): readonly [number, unknown] => {
      if (sealed) return [503, { errors: ['Vault is sealed'] }];
      if (namespaced && request.headers['x-vault-namespace'] !== NAMESPACE)
        return [403, { errors: ['permission denied'] }];
      if (request.method === 'POST' && path === 'auth/approle/login') return login(body);
      if (!isKnown) return [403, { errors: ['permission denied'] }];
      return request.method === 'GET' ? read(path) : [405, { errors: [] }];
    };
    const [status, value] = answer();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    tokens,
    roleId,
    secretId,
    requests,
    put: (path, fields) => void documents.set(path.replace(/^secret\//, ''), fields),
    remove: (path) => void documents.set(path.replace(/^secret\//, ''), null),
    seal: (isSealed) => {
      sealed = isSealed;
    },
    revokeLogins: () => logins.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
