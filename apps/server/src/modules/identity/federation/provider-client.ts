/**
 * Speaks with identity providers, by openid-client. Every request goes through the guarded client. What the library allows and we do not: ID tokens
 * taken without their signature, because they came by TLS, and metadata that names another issuer than the one that was asked.
 */
import { LRUCache } from 'lru-cache';
import * as oidc from 'openid-client';
import { z } from 'zod';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Egress } from '../../../platform/egress/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { federationErrors } from './errors.ts';
import type { OutsideIdentity, Provider } from './types.ts';

/** What ties an answer to the request: the same three, and only in the browser that holds them. */
export interface Checks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface ProviderClient {
  /** Where the browser goes to. @throws 502 `federation.unavailable` */
  authorizationUrl(provider: Provider, redirectUri: string, checks: Checks, hint?: string): Promise<string>;
  /** Who came back to `callback`. @throws 401 `federation.refused` for anything that is not as it should be; 502 */
  exchange(provider: Provider, callback: URL, checks: Checks): Promise<OutsideIdentity>;
  /** Asks for the metadata anew. @throws 502 `federation.unavailable`, whose detail says why. */
  probe(provider: Provider): Promise<void>;
  /** What providers say of themselves is asked for anew. */
  forget(): void;
}

// Not HMACs, which who knows the client secret could make, and not `none`.
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const METADATA_KEEP_MS = 10 * 60_000;
const METADATA_MAX = 1_000;
const ANSWER_MAX_BYTES = 1024 * 1024;
const REQUEST_MS = 10_000;
const PROBE = { code: 'guildhall-asks-whether-you-know-this-client', redirect_uri: 'https://guildhall.invalid/' };
const NO_BODY = new Set([101, 204, 205, 304]);

export interface ProviderClientDeps {
  readonly egress: Pick<Egress, 'request'>;
  readonly clock: Clock;
  /** Providers without TLS are spoken to; never in production. */
  readonly isInsecureAllowed: boolean;
}

/** The refusal behind an error of the library, where one of ours is its cause. */
function ownErrorIn(error: unknown): GuildhallError | undefined {
  for (let one: unknown = error; one instanceof Error; one = one.cause) if (one instanceof GuildhallError) return one;
  return undefined;
}

const wordsOf = (error: unknown): string => {
  const own = ownErrorIn(error);
  if (own) return own.spec.title;
  return error instanceof Error ? error.message : 'unknown';
};

const unavailable = (cause: unknown): GuildhallError =>
  new GuildhallError(federationErrors.unavailable, { detail: `It says: ${wordsOf(cause)}.`, cause });

/** Every fault of what a provider, or who says to come from one, has sent. */
function refusal(cause: unknown): GuildhallError {
  if (ownErrorIn(cause)) return unavailable(cause);
  return new GuildhallError(federationErrors.refused, { internal: wordsOf(cause), cause });
}

const sameUrl = (one: string, other: string): boolean => URL.parse(one)?.href === URL.parse(other)?.href;

export function createProviderClient({ egress, clock, isInsecureAllowed }: ProviderClientDeps): ProviderClient {
  const known = new LRUCache<string, { readonly metadata: oidc.ServerMetadata; readonly readAtMs: number }>({
    max: METADATA_MAX,
  });

  const fetchFor =
    (provider: Provider): oidc.CustomFetch =>
    async (url, { method, headers, body }) => {
      const answer = await egress.request(url, {
        method: method === 'POST' ? 'POST' : 'GET',
        headers: { ...headers },
        ...(body === undefined || body === null ? {} : { body: String(body) }),
        maxBytes: ANSWER_MAX_BYTES,
        totalMs: REQUEST_MS,
        // What the operator set may be in their own network; what an organisation set may not.
        ...(provider.orgId === undefined
          ? { trustedOrigin: new URL(provider.issuer).origin }
          : { orgId: provider.orgId }),
      });
      const bytes = await answer.bytes();
      return new Response(NO_BODY.has(answer.status) ? null : new Uint8Array(bytes), {
        status: answer.status,
        headers: answer.headers,
      });
    };

  const isSecure = (url: string | undefined): boolean =>
    url === undefined || url.startsWith('https://') || (isInsecureAllowed && url.startsWith('http://'));

  const insecure = (provider: Provider) =>
    isInsecureAllowed && provider.issuer.startsWith('http://') ? [oidc.allowInsecureRequests] : [];

  const discover = async (provider: Provider): Promise<oidc.ServerMetadata> => {
    const found = await oidc.discovery(new URL(provider.issuer), provider.clientId, undefined, oidc.None(), {
      [oidc.customFetch]: fetchFor(provider),
      execute: insecure(provider),
    });
    const metadata = found.serverMetadata();
    // The library lets some hosts name any issuer: that would be whose name their subjects come in.
    if (!sameUrl(metadata.issuer, provider.issuer)) throw unavailable(new Error('it names another issuer'));
    const { authorization_endpoint: authorize, token_endpoint: token, jwks_uri: jwks } = metadata;
    if (!authorize || !token || !jwks) throw unavailable(new Error('an endpoint is missing in its metadata'));
    if (![authorize, token, jwks, metadata.userinfo_endpoint].every(isSecure))
      throw unavailable(new Error('one of its endpoints has no TLS'));
    return metadata;
  };

  const githubMetadata = ({ issuer }: Provider): oidc.ServerMetadata => ({
    issuer,
    authorization_endpoint: `${issuer}/login/oauth/authorize`,
    token_endpoint: `${issuer}/login/oauth/access_token`,
  });

  const metadataOf = async (provider: Provider): Promise<oidc.ServerMetadata> => {
    if (provider.protocol === 'github') return githubMetadata(provider);
    const name = `${provider.id} ${provider.issuer}`;
    const before = known.get(name);
    if (before && clock.monotonicMs() - before.readAtMs < METADATA_KEEP_MS) return before.metadata;
    const metadata = await discover(provider).catch((error: unknown) => {
      throw error instanceof GuildhallError ? error : unavailable(error);
    });
    known.set(name, { metadata, readAtMs: clock.monotonicMs() });
    return metadata;
  };

  const configure = async (provider: Provider): Promise<oidc.Configuration> => {
    const metadata = { ...(await metadataOf(provider)) };
    const offered = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
    metadata.id_token_signing_alg_values_supported = offered.filter((one) => ALGORITHMS.includes(one));
    const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const isBasic = provider.protocol === 'oidc' && methods.includes('client_secret_basic');
    const secret = provider.clientSecret.reveal();
    const authentication = isBasic ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret);
    const configuration = new oidc.Configuration(metadata, provider.clientId, undefined, authentication);
    configuration[oidc.customFetch] = fetchFor(provider);
    for (const extension of insecure(provider)) extension(configuration);
    if (provider.protocol === 'oidc') oidc.enableNonRepudiationChecks(configuration);
    return configuration;
  };

  const byIdToken = async (
    configuration: oidc.Configuration,
    callback: URL,
    { state, nonce, verifier }: Checks,
  ): Promise<OutsideIdentity> => {
    const answer = await oidc.authorizationCodeGrant(configuration, callback, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    const claims = answer.claims();
    if (!claims) throw new GuildhallError(federationErrors.refused, { internal: 'no ID token' });
    const { userinfo_endpoint: userinfo } = configuration.serverMetadata();
    const more =
      claims.email === undefined && userinfo !== undefined
        ? await oidc.fetchUserInfo(configuration, answer.access_token, claims.sub)
        : {};
    return identityOf({ ...more, ...claims }, claims.iss);
  };

  const byGithub = async (
    provider: Provider,
    configuration: oidc.Configuration,
    callback: URL,
    { state, verifier }: Checks,
  ): Promise<OutsideIdentity> => {
    const checks = { expectedState: state, pkceCodeVerifier: verifier };
    const { access_token: token } = await oidc.authorizationCodeGrant(configuration, callback, checks);
    const ask = async (path: string): Promise<unknown> => {
      const url = new URL(`${githubApi(provider.issuer)}${path}`);
      const headers = new Headers({ accept: 'application/vnd.github+json' });
      const answer = await oidc.fetchProtectedResource(configuration, token, url, 'GET', undefined, headers);
      if (answer.status !== 200) throw new Error(`its API answered ${answer.status}`);
      return answer.json();
    };
    const user = githubUser.parse(await ask('/user'));
    const emails = githubEmails.parse(await ask('/user/emails'));
    const primary = emails.find((one) => one.primary);
    return {
      issuer: provider.issuer,
      subject: String(user.id),
      email: primary?.email,
      isEmailVerified: primary?.verified === true,
      name: user.name ?? user.login,
      claims: {},
    };
  };

  return {
    async authorizationUrl(provider, redirectUri, { state, nonce, verifier }, hint) {
      const configuration = await configure(provider);
      const isGithub = provider.protocol === 'github';
      return oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: isGithub ? 'read:user user:email' : 'openid email profile',
        state,
        ...(isGithub ? {} : { nonce }),
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(hint === undefined ? {} : { login_hint: hint }),
      }).href;
    },
    async exchange(provider, callback, checks) {
      const configuration = await configure(provider);
      try {
        return provider.protocol === 'github'
          ? await byGithub(provider, configuration, callback, checks)
          : await byIdToken(configuration, callback, checks);
      } catch (error) {
        throw error instanceof GuildhallError && error.spec === federationErrors.refused ? error : refusal(error);
      }
    },
    async probe(provider) {
      known.delete(`${provider.id} ${provider.issuer}`);
      const configuration = await configure(provider);
      try {
        // No such code was ever given: a provider that knows the client says so, and one that does not says that.
        await oidc.genericGrantRequest(configuration, 'authorization_code', PROBE);
      } catch (error) {
        if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') return;
        throw unavailable(error);
      }
    },
    forget: () => known.clear(),
  };
}

const githubUser = z.object({ id: z.number().int().positive(), login: z.string(), name: z.string().nullish() });
const githubEmails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/** GitHub's own API has a host to itself; that of an Enterprise Server lies under its address. */
const githubApi = (issuer: string): string =>
  issuer === 'https://github.com' ? 'https://api.github.com' : `${issuer}/api/v3`;

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** What OpenID Connect allows a subject to be. */
const isSubject = (subject: unknown): subject is string =>
  typeof subject === 'string' && subject !== '' && subject.length <= 255;

function identityOf(claims: Readonly<Record<string, unknown>>, issuer: string): OutsideIdentity {
  // The library takes an empty one.
  if (!isSubject(claims.sub)) throw new GuildhallError(federationErrors.refused, { internal: 'no subject' });
  return {
    issuer,
    subject: claims.sub,
    email: text(claims.email),
    // Nothing but the truth value: some send texts.
    isEmailVerified: claims.email_verified === true,
    name: text(claims.name),
    claims,
  };
}
