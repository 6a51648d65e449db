/** Second factors over the interface, for tests. */
import { TOTP } from 'otpauth';
import {
  type Authenticator,
  type CreationOptions,
  createAuthenticator,
  type RequestOptions,
} from '../harness/authenticator.ts';
import type { Client, TestPerson } from '../harness/people.ts';
import type { Reply, TestPlatform } from '../harness/platform.ts';

type Body = Record<string, unknown>;

const good = <T>(reply: Reply<T>, what: string): T => {
  if (reply.status >= 300) throw new Error(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
};

export interface App {
  readonly factorId: string;
  readonly recoveryCodes: readonly string[];
  /**
   * The code of the step after the one that was used last: each works once, and one step ahead is as good as this one. So an app gives two,
   * this one and that of the set-up, without waiting.
   */
  code(): string;
}

/** Sets up an authenticator app. */
export async function addApp(person: Client): Promise<App> {
  const made = good(await person.call<Body>('POST', '/v1/me/factors/totp', { name: 'Phone' }), 'begin');
  const totp = new TOTP({ secret: String(made.secret) });
  const confirmed = good(
    await person.call<{ recoveryCodes: string[] | null }>('POST', `/v1/me/factors/${made.id}/confirm`, {
      code: totp.generate(),
    }),
    'confirm',
  );
  return {
    factorId: String(made.id),
    recoveryCodes: confirmed.recoveryCodes ?? [],
    code: () => totp.generate({ timestamp: Date.now() + 30_000 }),
  };
}

/** Adds a passkey of a new authenticator. */
export async function addPasskey(platform: Pick<TestPlatform, 'url'>, person: Client): Promise<Authenticator> {
  const key = createAuthenticator(platform.url);
  const { options } = good(
    await person.call<{ options: CreationOptions }>('POST', '/v1/me/factors/passkeys/options'),
    'passkey options',
  );
  good(
    await person.call('POST', '/v1/me/factors/passkeys', { name: 'Key', passkey: key.create(options) }),
    'add passkey',
  );
  return key;
}

/** The challenge that a right password is answered with. */
export async function challengeOf(client: Client, { email, password }: TestPerson): Promise<string> {
  const body = good(await client.call<Body>('POST', '/v1/auth/sign-in', { email, password }), 'sign-in');
  return String(body.challenge);
}

export interface Methods {
  readonly challenge: string;
  readonly methods: readonly string[];
  readonly options: RequestOptions;
}

export async function methodsOf(client: Client, challenge: string): Promise<Methods> {
  return good(await client.call<Methods>('POST', '/v1/auth/second-factor/options', { challenge }), 'methods');
}

export async function openOptions(client: Client): Promise<RequestOptions> {
  const body = good(await client.call<{ options: RequestOptions }>('POST', '/v1/auth/passkey/options'), 'options');
  return body.options;
}
