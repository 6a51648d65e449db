/** HashiCorp Vault (or OpenBao), by its HTTP interface: secrets of the engine KV version 2. */
import { z } from 'zod';
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';
import type { Egress, EgressResponse } from '../egress/index.ts';
import { ASK_MS, DOCUMENT_MAX_BYTES, type ReadDocument, SecretFault } from './types.ts';

export interface VaultOptions {
  /** Without a slash at its end. */
  readonly address: string;
  readonly namespace: string | undefined;
  /** A token, or what a login by AppRole needs. */
  readonly login:
    | { readonly kind: 'token'; readonly token: Secret }
    | { readonly kind: 'approle'; readonly roleId: string; readonly secretId: Secret };
}

const secretAnswer = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()).nullable() }) });
const loginAnswer = z.object({ auth: z.object({ client_token: z.string().min(1), lease_duration: z.number() }) });
// A token is given up before Vault ends it.
const LEASE_USED = 0.8;

export function createVaultReader(egress: Egress, clock: Clock, options: VaultOptions): ReadDocument {
  const { address, namespace, login } = options;
  const trustedOrigin = new URL(address).origin;
  const where = `Vault at ${trustedOrigin}`;
  let lease: { readonly token: string; readonly untilMs: number } | undefined;

  const ask = async (path: string, token: string | undefined, body?: unknown): Promise<EgressResponse> => {
    try {
      return await egress.request(`${address}/v1/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          'x-vault-request': 'true',
          ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
          ...(token === undefined ? {} : { 'x-vault-token': token }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        trustedOrigin,
        totalMs: ASK_MS,
        maxBytes: DOCUMENT_MAX_BYTES,
      });
    } catch (cause) {
      throw new SecretFault(`${where} does not answer`, { cause });
    }
  };

  const tokenOf = async (): Promise<string> => {
    if (login.kind === 'token') return login.token.reveal();
    if (lease && clock.monotonicMs() < lease.untilMs) return lease.token;
    const answer = await ask('auth/approle/login', undefined, {
      role_id: login.roleId,
      secret_id: login.secretId.reveal(),
    });
    const { client_token: token, lease_duration: seconds } = (
      await parsed(answer, loginAnswer, `${where}: the login by AppRole`)
    ).auth;
    lease = { token, untilMs: clock.monotonicMs() + seconds * 1_000 * LEASE_USED };
    return token;
  };

  return async (path) => {
    const cut = path.indexOf('/');
    const route = `${path.slice(0, cut)}/data/${path.slice(cut + 1)}`.split('/').map(encodeURIComponent).join('/');
    const what = `${where}: ${path}`;
    let answer = await ask(route, await tokenOf());
    if (answer.status === 403 && lease) {
      // The token was taken back before its time: a new login is tried once.
      answer.body.destroy();
      lease = undefined;
      answer = await ask(route, await tokenOf());
    }
    const { data } = (await parsed(answer, secretAnswer, what)).data;
    if (data === null) throw new SecretFault(`${what} was deleted`);
    return { kind: 'fields', fields: data };
  };
}

const WHY: Readonly<Record<number, string>> = {
  400: 'was refused (400): are the role and its secret right?',
  403: 'is not allowed (403): is the token right, and may its policy read this?',
  404: 'does not exist (404)',
  503: 'cannot be read: Vault is sealed (503)',
};

async function parsed<T>(answer: EgressResponse, schema: z.ZodType<T>, what: string): Promise<T> {
  if (answer.status !== 200) {
    answer.body.destroy();
    throw new SecretFault(`${what} ${WHY[answer.status] ?? `cannot be read (${answer.status})`}`);
  }
  try {
    return schema.parse(JSON.parse(await answer.text()));
  } catch (cause) {
    // The text of the cause may quote the answer, so nobody shows it.
    throw new SecretFault(`${what} answered something else than a secret of KV version 2`, { cause });
  }
}
