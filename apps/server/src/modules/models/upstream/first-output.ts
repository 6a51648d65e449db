/** Waits for the first output of a stream, so that what fails before it can still be tried again. */
import type { Readable } from 'node:stream';
import { egressErrors } from '../../../platform/egress/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Wire } from '../types.ts';
import { createStreamReader } from '../wire/index.ts';
import type { ProviderError } from '../wire/types.ts';

/** A model that thinks before it speaks announces itself and pauses; its client shall hear of it before other programs give up. */
const ANNOUNCED_MS = 5_000;
const ENDS_OF_EVENT = ['\n\n', '\r\n\r\n', '\r\r'];

/** A stream that began with an error instead of output. */
export class ErrorEvent extends Error {
  readonly error: ProviderError;
  constructor(error: ProviderError) {
    super(error.message);
    this.error = error;
  }
}

/** A stream that ended and had said nothing. */
export class EmptyStream extends Error {}

/**
 * Resolves when output has come, or whole events without output for some seconds. What was read until then is put back.
 * @throws ErrorEvent, EmptyStream, egressErrors.timeout, or what the body fails with; the body is closed then.
 */
export function firstOutput(body: Readable, wire: Wire, firstByteMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const reader = createStreamReader(wire);
  const held: Buffer[] = [];
  const stop = (): void => {
    clearTimeout(announced);
    clearTimeout(late);
    body.off('readable', onReadable).off('end', onEnd).off('error', fail).off('close', onEnd);
  };
  const fail = (error: unknown): void => {
    stop();
    reject(error);
    body.destroy();
  };
  const giveOut = (): void => {
    stop();
    // In the turn in which it was read: a stream that has come to its end would be over in the next.
    body.unshift(Buffer.concat(held));
    resolve();
  };
  const hasEvent = (): boolean => {
    const text = Buffer.concat(held);
    return ENDS_OF_EVENT.some((end) => text.includes(end));
  };
  /** Whether there is more to wait for. */
  const take = (chunk: Buffer): boolean => {
    held.push(chunk);
    reader.push(chunk);
    const { error, hasContent, isComplete } = reader.reading;
    if (error) fail(new ErrorEvent(error));
    else if (hasContent || isComplete) giveOut();
    return !error && !hasContent && !isComplete;
  };
  const onReadable = (): void => {
    try {
      for (let chunk: Buffer | null = body.read(); chunk !== null && take(chunk); ) chunk = body.read();
    } catch (error) {
      fail(error);
    }
  };
  const onEnd = (): void => fail(body.errored ?? new EmptyStream('The stream ended before it had said anything.'));
  const announced = setTimeout(() => {
    if (hasEvent()) giveOut();
  }, ANNOUNCED_MS);
  const late = setTimeout(() => {
    if (hasEvent()) giveOut();
    else fail(new GuildhallError(egressErrors.timeout));
  }, firstByteMs);
  body.on('readable', onReadable).once('end', onEnd).once('error', fail).once('close', onEnd);
  return promise;
}
