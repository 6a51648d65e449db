/**
 * People for tests, made as strangers make themselves: sign-up, the link of the mail, sign-in.
 *
 *     const ada = await signUpPerson(platform, { organisation: 'Ada & Co' });
 *     await ada.call('GET', '/v1/me');                        // with her cookie, and what a page of ours adds
 *     await ada.call('POST', '/v1/keys', body);               // as owner of her organisation
 *     await ada.call('GET', '/v1/keys', undefined, { organisation: other.orgId });
 *     const stranger = createClient(platform);                // signed in nowhere; keeps the cookies it is given
 *     const link = await lastLink(platform, ada.email);       // the token of the newest link that was mailed there
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Reply, TestPlatform } from './platform.ts';

export interface Client {
  /** Its cookies, by name. */
  readonly cookies: Map<string, string>;
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    more?: { organisation?: string; headers?: Record<string, string> },
  ): Promise<Reply<T>>;
}

export interface TestPerson extends Client {
  readonly personId: string;
  readonly email: string;
  readonly password: string;
  /** Empty when they were given no organisation. */
  readonly orgId: string;
  readonly memberId: string;
}

/** The parts of the platform that a person's browser reaches. */
export type Reachable = Pick<TestPlatform, 'url' | 'database' | 'server'>;

function keepCookies(cookies: Map<string, string>, headers: Headers): void {
  for (const line of headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '' || /max-age=0/i.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  }
}

/** A browser that looks at a page of ours: keeps cookies, sends its origin and our header. */
export function createClient({ url }: Pick<TestPlatform, 'url'>): Client {
  const cookies = new Map<string, string>();
  return {
    cookies,
    call: async (method, path, body, more = {}) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          origin: url,
          'guildhall-request': '1',
          ...(cookies.size === 0 ? {} : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(more.organisation === undefined ? {} : { 'guildhall-organisation': more.organisation }),
          ...more.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      keepCookies(cookies, response.headers);
      const text = await response.text();
      const answer = { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
      // The caller says what it expects.
      return answer as never;
    },
  };
}

export interface QueuedMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

/** What was written to the queue for an address, oldest first, sent or not. */
export async function mailsTo({ database, server }: Reachable, address: string): Promise<readonly QueuedMail[]> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  try {
    const { rows } = await owner.query<{ id: string; org_id: string; sealed: Buffer }>(
      'select id, org_id, sealed from platform.mail order by created_at, id',
    );
    return rows
      .map(({ id, org_id: orgId, sealed }) => {
        const place = { orgId, table: 'platform.mail', column: 'sealed', rowId: id };
        // Sealed by the queue, so it has that shape.
        return JSON.parse(server.foundation.keyring.decrypt(place, sealed).toString('utf8')) as QueuedMail;
      })
      .filter(({ to }) => to === address);
  } finally {
    await owner.end();
  }
}

/** The token of the newest link of a mail to this address; fails when there is none. */
export async function lastLink(platform: Reachable, address: string): Promise<string> {
  const tokens = (await mailsTo(platform, address)).map(({ text }) => /#token=([\w-]+)/.exec(text)?.[1]);
  const token = tokens.filter((one) => one !== undefined).at(-1);
  if (token === undefined) throw new Error(`no link was mailed to ${address}`);
  return token;
}

const expectStatus = <T extends Reply<unknown>>(reply: T, status: number, what: string): T => {
  if (reply.status !== status) throw new Error(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply;
};

export interface NewPersonInput {
  readonly email?: string;
  readonly password?: string;
  readonly name?: string;
  /** The name of their organisation; `null` for none. */
  readonly organisation?: string | null;
  /** Where one signs up by invitation. */
  readonly invitation?: string;
  /** False stops before the link of the mail is used. */
  readonly isVerified?: boolean;
}

/** Somebody who signed up, verified their address, owns an organisation, and is signed in. */
export async function signUpPerson(platform: Reachable, input: NewPersonInput = {}): Promise<TestPerson> {
  const { email = `person-${randomBytes(6).toString('hex')}@example.com`, name = 'Ada' } = input;
  const { password = `correct horse ${randomBytes(9).toString('base64url')}` } = input;
  const organisation = input.organisation === undefined ? `Organisation of ${name}` : input.organisation;
  const client = createClient(platform);
  const { invitation } = input;
  const body = { email, password, name, ...(organisation === null ? {} : { organisation }), invitation };
  expectStatus(await client.call('POST', '/v1/auth/sign-up', body), 202, 'sign-up');
  if (input.isVerified !== false) {
    const token = await lastLink(platform, email);
    expectStatus(await client.call('POST', '/v1/auth/verify', { token }), 200, 'verify');
  }
  expectStatus(await client.call('POST', '/v1/auth/sign-in', { email, password }), 200, 'sign-in');
  interface Me {
    readonly id: string;
    readonly memberships: readonly { readonly id: string; readonly organisation: { readonly id: string } }[];
  }
  const me = expectStatus(await client.call<Me>('GET', '/v1/me'), 200, 'me').body;
  const [member] = me.memberships;
  return {
    ...client,
    personId: me.id,
    email,
    password,
    orgId: member?.organisation.id ?? '',
    memberId: member?.id ?? '',
  };
}
