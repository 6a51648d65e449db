/** One attempt at one channel: ends in an answer, or in what its failure means. */
import type { Readable } from 'node:stream';
import type { Clock } from '../../../platform/clock/index.ts';
import { type Egress, type EgressResponse, egressErrors } from '../../../platform/egress/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Attempt, Channel } from '../types.ts';
import { UpstreamError, upstreamErrors } from './errors.ts';
import { EmptyStream, ErrorEvent, firstOutput } from './first-output.ts';
import type { Visit } from './health.ts';
import { brokenFailure, eventFailure, type Failure, refusalFailure, unreadable } from './outcome.ts';
import { send } from './transport.ts';
import type { CallLimits, Target, UpstreamCall } from './types.ts';

const REFUSAL_BYTES_MAX = 64 * 1024;
// Errors that come with status 200 are short; an answer of this size is not looked through for one.
const DISGUISED_BYTES_MAX = 16 * 1024;
const SECRET_CHARS_MIN = 8;

export interface Arrived<R> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: R;
}

export interface Try<T extends Target> {
  readonly call: UpstreamCall<T>;
  readonly target: T;
  readonly channel: Channel;
  readonly body: Buffer | string;
  readonly limits: CallLimits;
  readonly visit: Visit;
  /** Of this call, this one not yet among them. */
  readonly attempts: readonly Attempt[];
}

export interface AttemptDeps {
  readonly egress: Egress;
  readonly clock: Clock;
}

/** Carries a failure out of an attempt. */
export class AttemptFailed extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.spec.code, { cause: failure.cause });
    this.failure = failure;
  }
}

/** The beginning of a refusal; one that breaks off says as much as it said. */
async function beginningOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= REFUSAL_BYTES_MAX) break;
    }
  } catch {
    // The status alone decides then.
  }
  return Buffer.concat(chunks).toString('utf8', 0, REFUSAL_BYTES_MAX);
}

const isSuccess = ({ status }: EgressResponse): boolean => status >= 200 && status < 300;

async function refusal(
  deps: AttemptDeps,
  { channel, target }: Try<Target>,
  response: EgressResponse,
): Promise<Failure> {
  const body = await beginningOf(response.body);
  const { status, headers } = response;
  return refusalFailure({ wire: target.wire, channel, status, headers, body, now: deps.clock.now() });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Some providers say 200 and mean an error. */
function disguised(deps: AttemptDeps, { channel, target }: Try<Target>, response: EgressResponse, body: Buffer) {
  if (body.length > DISGUISED_BYTES_MAX || !body.includes('"error"')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (error) {
    return unreadable(error);
  }
  if (!isObject(parsed) || !isObject(parsed.error)) return undefined;
  const { headers } = response;
  return refusalFailure({ wire: target.wire, channel, status: 0, headers, body: parsed, now: deps.clock.now() });
}

function failureOf(error: unknown, channel: Channel): Failure {
  if (error instanceof AttemptFailed) return error.failure;
  if (error instanceof ErrorEvent) return eventFailure(error.error, channel);
  return error instanceof EmptyStream ? unreadable(error) : brokenFailure(error);
}

/** The provider's own words could repeat the key. */
function withoutSecret(failure: Failure, secret: string | undefined): Failure {
  if (secret === undefined || secret.length < SECRET_CHARS_MIN || failure.detail === undefined) return failure;
  return { ...failure, detail: failure.detail.replaceAll(secret, '[removed]') };
}

/** Runs one attempt with the key in reach. @throws AttemptFailed alone. */
async function withKey<T extends Target, R>(
  tried: Try<T>,
  attempt: (secret: string | undefined) => Promise<R>,
): Promise<R> {
  let secret: string | undefined;
  try {
    secret = await tried.channel.secret();
    return await attempt(secret);
  } catch (error) {
    throw new AttemptFailed(withoutSecret(failureOf(error, tried.channel), secret));
  }
}

function sendingOf<T extends Target>({ call, target, channel, body, limits }: Try<T>, isStream: boolean) {
  const { clientHeaders = {}, signal } = call;
  return { channel, wire: target.wire, isStream, body, clientHeaders, signal, limits };
}

/** A whole answer, as `read` takes it. @throws AttemptFailed */
export function askOnce<T extends Target, R>(
  deps: AttemptDeps,
  tried: Try<T>,
  read: (body: Buffer, target: T) => R,
): Promise<Arrived<{ readonly body: Buffer; readonly answer: R }>> {
  return withKey(tried, async (secret) => {
    const response = await send(deps.egress, { ...sendingOf(tried, false), secret });
    tried.visit.firstByte(response.headersMs);
    if (!isSuccess(response)) throw new AttemptFailed(await refusal(deps, tried, response));
    const body = await response.bytes();
    const error = disguised(deps, tried, response, body);
    if (error) throw new AttemptFailed(error);
    try {
      const answer = read(body, tried.target);
      return { status: response.status, headers: response.headers, content: { body, answer } };
    } catch (cause) {
      throw new AttemptFailed(unreadable(cause));
    }
  });
}

/** Why a stream ended in the middle, to its reader. */
function midStreamError<T extends Target>({ call, attempts }: Try<T>, reason: unknown): UpstreamError {
  if (call.signal.aborted)
    return new UpstreamError(upstreamErrors.callerLeft, { attempts, isWorthRepeating: false, cause: reason });
  const isTimeout = reason instanceof GuildhallError && reason.spec.code === egressErrors.timeout.code;
  const spec = isTimeout ? upstreamErrors.streamTimeout : upstreamErrors.streamCut;
  return new UpstreamError(spec, { attempts, isWorthRepeating: true, cause: reason });
}

/** A stream that has given its first output. @throws AttemptFailed */
export function streamOnce<T extends Target>(deps: AttemptDeps, tried: Try<T>): Promise<Arrived<Readable>> {
  return withKey(tried, async (secret) => {
    let isGivenOut = false;
    const response = await send(deps.egress, {
      ...sendingOf(tried, true),
      secret,
      bodyError: (reason) => (isGivenOut ? midStreamError(tried, reason) : reason),
    });
    if (!isSuccess(response)) throw new AttemptFailed(await refusal(deps, tried, response));
    const { body, headers, status } = response;
    if (/^application\/json\b/i.test(headers['content-type'] ?? '')) {
      const text = await beginningOf(body);
      throw new AttemptFailed(disguised(deps, tried, response, Buffer.from(text)) ?? unreadable('No stream came.'));
    }
    tried.visit.firstByte(response.headersMs);
    await firstOutput(body, tried.target.wire, tried.limits.firstByteMs);
    isGivenOut = true;
    return { status, headers, content: body };
  });
}
