/**
 * Stands in for an OpenID provider: discovery, authorization, token, userinfo, JWKS; and, on the same address, for GitHub. It really signs, really
 * checks client, redirect address and PKCE, and can be told to lie in every part.
 *
 *     const idp = await startIdentityProvider();
 *     idp.person = { sub: 'ada', email: 'ada@example.com', email_verified: true, name: 'Ada' };
 *     const back = await idp.authorize(url);          // as the browser of a person who says yes: where it is sent to
 *     idp.bend.claims = (claims) => ({ ...claims, nonce: 'another' });
 */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type Claims = Readonly<Record<string, unknown>>;

/** What it says otherwise than an honest provider would. Everything is left out until a test sets it. */
export interface Bends {
  metadata?: ((metadata: Claims) => Claims) | undefined;
  claims?: ((claims: Claims) => Claims) | undefined;
  header?: ((header: Claims) => Claims) | undefined;
  /** Makes the whole ID token, of header and claims. */
  token?: ((header: Claims, claims: Claims) => string) | undefined;
  jwks?: ((keys: readonly Claims[]) => readonly Claims[]) | undefined;
  userinfo?: ((claims: Claims) => Claims) | undefined;
  /** The parameters that the browser comes back with. */
  answer?: ((parameters: URLSearchParams) => void) | undefined;
  /** The body of the answer to a code. */
  tokenAnswer?: ((body: Claims) => Claims) | undefined;
  /** Codes are good more than once. */
  keepsCodes?: boolean | undefined;
}

interface Code {
  readonly redirectUri: string;
  readonly nonce: string | undefined;
  readonly challenge: string | undefined;
  readonly person: Claims;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The key that signs, for tests that sign for themselves. */
  readonly key: KeyObject;
  readonly kid: string;
  /** Who says yes in the browser. */
  person: Claims;
  /** For GitHub: what /user/emails lists. */
  emails: readonly Claims[];
  bend: Bends;
  /** `METHOD path` of every request, in order. */
  readonly requests: string[];
  /** As a browser that follows `url` and whose person says yes: the address it is sent back to. */
  authorize(url: string): Promise<URL>;
  close(): Promise<void>;
}

const b64 = (value: string | Buffer): string => Buffer.from(value).toString('base64url');

/** A token that `key` signs, in the way of `alg`. */
export function signToken(header: Claims, claims: Claims, key: KeyObject | string): string {
  const input = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(claims))}`;
  const signature =
    typeof key === 'string' || String(header.alg).startsWith('HS')
      ? createHmac('sha256', key as string)
          .update(input)
          .digest()
      : sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', Buffer.from(input), key);
  return `${input}.${b64(signature)}`;
}

/** Each has a key of its own. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const kid = b64(randomBytes(8));
  const clientId = `client-${randomBytes(4).toString('hex')}`;
  const clientSecret = randomBytes(24).toString('base64url');
  const codes = new Map<string, Code>();
  const accessTokens = new Map<string, Claims>();
  let issuer = '';

  const metadata = (): Claims => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
    code_challenge_methods_supported: ['S256'],
  });
  const jwk = { ...(publicKey.export({ format: 'jwk' }) as Claims), kid, alg: 'RS256', use: 'sig' };

  const idToken = ({ nonce, person }: Code): string => {
    const now = Math.floor(Date.now() / 1_000);
    const honest = { iss: issuer, aud: clientId, iat: now, exp: now + 300, ...(nonce ? { nonce } : {}), ...person };
    const claims = provider.bend.claims?.(honest) ?? honest;
    const header = provider.bend.header?.({ alg: 'RS256', kid, typ: 'JWT' }) ?? { alg: 'RS256', kid, typ: 'JWT' };
    return provider.bend.token?.(header, claims) ?? signToken(header, claims, privateKey);
  };

  const isClient = (request: IncomingMessage, form: URLSearchParams): boolean => {
    const [, basic] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const [id, secret] = basic
      ? Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent)
      : [form.get('client_id'), form.get('client_secret')];
    return id === clientId && secret === clientSecret;
  };

  const exchange = (request: IncomingMessage, form: URLSearchParams): readonly [number, unknown] => {
    if (!isClient(request, form)) return [401, { error: 'invalid_client' }];
    const name = form.get('code') ?? '';
    const code = codes.get(name);
    if (!provider.bend.keepsCodes) codes.delete(name);
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!code || code.redirectUri !== form.get('redirect_uri') || code.challenge !== verifier)
      return [400, { error: 'invalid_grant' }];
    const token = randomBytes(16).toString('hex');
    accessTokens.set(token, code.person);
    const isOidc = request.url !== '/login/oauth/access_token';
    const body = { access_token: token, token_type: 'bearer', ...(isOidc ? { id_token: idToken(code) } : {}) };
    return [200, provider.bend.tokenAnswer?.(body) ?? body];
  };

  const authorized = (request: IncomingMessage): Claims | undefined =>
    accessTokens.get(/^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '');

  const answer = (request: IncomingMessage, path: string, form: URLSearchParams): readonly [number, unknown] => {
    if (path === '/.well-known/openid-configuration') {
      const honest = metadata();
      return [200, provider.bend.metadata?.(honest) ?? honest];
    }
    if (path === '/jwks') return [200, { keys: provider.bend.jwks?.([jwk]) ?? [jwk] }];
    if (path === '/token' || path === '/login/oauth/access_token') return exchange(request, form);
    const person = authorized(request);
    if (!person) return [401, { error: 'invalid_token' }];
    if (path === '/userinfo') return [200, provider.bend.userinfo?.(person) ?? person];
    if (path === '/api/v3/user') return [200, { id: person.id, login: person.login, name: person.name }];
    if (path === '/api/v3/user/emails') return [200, provider.emails];
    return [404, {}];
  };

  /** Where the browser of who says yes is sent. */
  const agree = (url: URL): URL => {
    const asked = url.searchParams;
    const redirectUri = asked.get('redirect_uri') ?? '';
    if (asked.get('client_id') !== clientId || asked.get('response_type') !== 'code')
      throw new Error('a wrong request');
    if (asked.get('code_challenge_method') !== 'S256') throw new Error('a request without PKCE');
    const code = randomBytes(16).toString('hex');
    codes.set(code, {
      redirectUri,
      nonce: asked.get('nonce') ?? undefined,
      challenge: asked.get('code_challenge') ?? undefined,
      person: provider.person,
    });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', asked.get('state') ?? '');
    if (url.pathname === '/authorize') back.searchParams.set('iss', issuer);
    provider.bend.answer?.(back.searchParams);
    return back;
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', issuer);
    provider.requests.push(`${request.method} ${pathname}`);
    const [status, body] = answer(request, pathname, new URLSearchParams(await text(request)));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const provider: IdentityProvider = {
    issuer,
    clientId,
    clientSecret,
    key: privateKey,
    kid,
    person: { sub: 'nobody' },
    emails: [],
    bend: {},
    requests: [],
    authorize: async (url) => agree(new URL(url)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return provider;
}
