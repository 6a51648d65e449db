/** Organisations with a verified domain and an OpenID provider of their own, and people who come in through it, for tests. */
import { type Client, createClient, signUpPerson, type TestPerson } from '../harness/people.ts';
import { type Back, comeBack, type Ground } from './federation-fixture.ts';

let counter = 0;
/** A name that nobody else in this file has. */
export const fresh = (name: string): string => {
  counter += 1;
  return `${name}-${counter}`;
};

export interface Domain {
  readonly id: string;
  readonly record: { readonly name: string; readonly value: string };
  readonly verifiedAt: string | null;
}

export async function claim(one: Client, domain: string): Promise<Domain> {
  const { status, body } = await one.call<Domain>('POST', '/v1/organisation/domains', { domain });
  if (status !== 201) throw new Error(`claim: ${status} ${JSON.stringify(body)}`);
  return body;
}

export const verify = (one: Client, { id }: Domain) =>
  one.call<Domain & { code?: string }>('POST', `/v1/organisation/domains/${id}/verify`);

/** Claims it, publishes what proves it, and verifies it. */
export async function own({ platform }: Pick<Ground, 'platform'>, one: Client, domain: string): Promise<Domain> {
  const claimed = await claim(one, domain);
  platform.records.set(claimed.record.name, claimed.record.value);
  const { status, body } = await verify(one, claimed);
  if (status !== 200) throw new Error(`verify: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** The provider of organisations is `other`: the operator knows nothing of it. */
export const connectionBody = ({ other: { issuer, clientId, clientSecret } }: Ground, more: object = {}) => ({
  name: 'Our own',
  issuer,
  clientId,
  clientSecret,
  ...more,
});

export interface Connected {
  readonly owner: TestPerson;
  readonly domain: string;
  readonly connectionId: string;
}

/** An organisation with a verified domain and a connection that works. Its owner's address is at that domain. */
export async function connected(ground: Ground, more: object = {}): Promise<Connected> {
  const domain = `${fresh('company')}.example`;
  const owner = await signUpPerson(ground.platform, { email: `owner@${domain}` });
  await own(ground, owner, domain);
  const { body } = await owner.call<{ id: string; enabled: boolean }>(
    'POST',
    '/v1/organisation/sso/oidc',
    connectionBody(ground, more),
  );
  if (!body.enabled) throw new Error(`connect: ${JSON.stringify(body)}`);
  return { owner, domain, connectionId: body.id };
}

/** Through the provider of the organisation, found by the address. */
export async function comeIn(
  { platform, other }: Pick<Ground, 'platform' | 'other'>,
  email: string,
  browser: Client = createClient(platform),
): Promise<Back & { readonly browser: Client }> {
  const { status, body } = await browser.call('POST', '/v1/auth/sso', { email });
  if (status !== 200) throw new Error(`sso: ${status} ${JSON.stringify(body)}`);
  return { ...(await comeBack(browser, await other.authorize(String(body.url)))), browser };
}

/** A colleague with an account at the provider of the organisation. */
export function colleague({ other }: Pick<Ground, 'other'>, domain: string, more: object = {}): string {
  const name = fresh('colleague');
  other.person = { sub: name, email: `${name}@${domain}`, name, ...more };
  return `${name}@${domain}`;
}
