/** What the tests of signing in elsewhere share: a platform that knows two providers, and browsers that go there and come back. */
import pg from 'pg';
import { type IdentityProvider, startIdentityProvider } from '../harness/identity-provider/index.ts';
import { type Client, createClient } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

export interface Ground {
  readonly platform: TestPlatform;
  readonly owner: pg.Client;
  /** The operator's own provider, `oidc`. */
  readonly idp: IdentityProvider;
  /** GitHub. */
  readonly github: IdentityProvider;
  /** Of somebody else. */
  readonly other: IdentityProvider;
  close(): Promise<void>;
}

export interface Back {
  readonly status: number;
  readonly location: string | null;
  readonly code: string | undefined;
  readonly detail: string | undefined;
}

export async function federationGround(): Promise<Ground> {
  const [idp, github, other] = await Promise.all([1, 2, 3].map(() => startIdentityProvider()));
  if (!idp || !github || !other) throw new Error('three were started');
  const platform = await testPlatform({
    agents: asAgents(),
    environment: {
      EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
      OIDC_SIGN_IN_ISSUER: idp.issuer,
      OIDC_SIGN_IN_CLIENT_ID: idp.clientId,
      OIDC_SIGN_IN_CLIENT_SECRET: idp.clientSecret,
      GITHUB_SIGN_IN_URL: github.issuer,
      GITHUB_SIGN_IN_CLIENT_ID: github.clientId,
      GITHUB_SIGN_IN_CLIENT_SECRET: github.clientSecret,
    },
  });
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  return {
    platform,
    owner,
    idp,
    github,
    other,
    async close() {
      await owner.end();
      await platform.close();
      await Promise.all([idp.close(), github.close(), other.close()]);
    },
  };
}

/** Begins a sign-in: where the browser would go. */
export async function depart(browser: Client, provider = 'oidc', returnTo = '/'): Promise<string> {
  const { status, body } = await browser.call('POST', `/v1/auth/federation/${provider}`, { returnTo });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return String(body.url);
}

/** The browser comes back to this address; redirects are not followed. */
export async function comeBack(browser: Client, address: URL): Promise<Back> {
  const response = await fetch(address, {
    redirect: 'manual',
    headers: { cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  });
  for (const line of response.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '') browser.cookies.delete(name);
    else browser.cookies.set(name, value);
  }
  const text = await response.text();
  const problem = text.startsWith('{') ? (JSON.parse(text) as { code?: string; detail?: string }) : {};
  return {
    status: response.status,
    location: response.headers.get('location'),
    code: problem.code,
    detail: problem.detail,
  };
}

/** The whole way of somebody who says yes there. */
export async function signInThrough(
  { platform }: Pick<Ground, 'platform'>,
  idp: IdentityProvider,
  provider = 'oidc',
  browser: Client = createClient(platform),
): Promise<Back & { readonly browser: Client }> {
  const back = await comeBack(browser, await idp.authorize(await depart(browser, provider)));
  return { ...back, browser };
}
