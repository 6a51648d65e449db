/** One effect and one answer for any number of retries that carry the same Idempotency-Key. */
import { createHash } from 'node:crypto';
import { sql, type Tx } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { idempotencyErrors } from './errors.ts';
import type { Answer } from './types.ts';

const KEY = /^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/** The header's value, or undefined when there is none. @throws 400 for a key that cannot be one. */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !KEY.test(header)) throw new GuildhallError(idempotencyErrors.invalid);
  return header;
}

/** What makes two requests the same: route, address and body (for a file its content). */
export function requestHash(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64url');
}

function withoutSecrets<T extends object>(answer: Answer<T>): T {
  if (!answer.once) return answer.body;
  const copy = structuredClone(answer.body) as Record<string, unknown>;
  for (const path of answer.once) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let holder = copy;
    // Paths are written beside the body they point into, so each step is an object.
    for (const name of names) holder = holder[name] as Record<string, unknown>;
    holder[last] = null;
  }
  return copy as T;
}

/**
 * Runs `work` under `key` in the caller's transaction: the first answer is stored with the effects, a retry gets it back. Holds a
 * transaction lock on the key, so a second request that comes meanwhile is told to wait instead of doing the work twice.
 */
export async function once<T extends object>(
  tx: Tx,
  input: { orgId: string; key: string; hash: string },
  work: () => Promise<Answer<T>>,
): Promise<Answer<T>> {
  const locked = await sql<{
    ok: boolean;
  }>`select pg_try_advisory_xact_lock(hashtextextended(${`${input.orgId} ${input.key}`}, 1)) as ok`.execute(tx);
  if (!locked.rows[0]?.ok) throw new GuildhallError(idempotencyErrors.inProgress);
  const known = await sql<{ request_hash: string; status: number; body: T }>`
    select request_hash, status, body from platform.idempotency where org_id = ${input.orgId} and key = ${input.key}`.execute(
    tx,
  );
  const first = known.rows[0];
  if (first) {
    if (first.request_hash !== input.hash)
      throw new GuildhallError(idempotencyErrors.conflict, {
        errors: [{ path: '/', message: 'differs from the first request' }],
      });
    return { status: first.status, body: first.body };
  }
  const answer = await work();
  await sql`insert into platform.idempotency (org_id, key, request_hash, status, body)
    values (${input.orgId}, ${input.key}, ${input.hash}, ${answer.status}, ${JSON.stringify(withoutSecrets(answer))}::jsonb)`.execute(
    tx,
  );
  return answer;
}

/** Replaces the stored answer by a later one of the same request: a start that waited answers with the end of its run. */
export async function replaceAnswer(
  tx: Tx,
  input: { orgId: string; key: string },
  answer: Answer<object>,
): Promise<void> {
  await sql`update platform.idempotency set status = ${answer.status}, body = ${JSON.stringify(answer.body)}::jsonb
    where org_id = ${input.orgId} and key = ${input.key}`.execute(tx);
}
