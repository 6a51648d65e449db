/** One request and its answer on a connection of the pool, with as little as possible between the socket and the reader. */
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { GuildhallError } from '../errors/index.ts';
import { egressErrors } from './errors.ts';
import { errorFor, tooLarge } from './translate.ts';
import type { EgressRequest } from './types.ts';

const BYTES_MAX = 10 * 1024 * 1024;
const CONNECT_MS = 15_000;
const FIRST_BYTE_MS = 30_000;
const IDLE_MS = 30_000;

export interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came over the line: bounded, unless it is encoded. */
  readonly body: Readable;
  readonly isEncoded: boolean;
}

type RawHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

function flat(raw: RawHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in raw) {
    const value = raw[name];
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return headers;
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

class Body extends Readable {
  /** All of it has come, so the socket may serve another. */
  isComplete = false;
  readonly #controller: Dispatcher.DispatchController;
  readonly #onClose: () => void;
  constructor(controller: Dispatcher.DispatchController, onClose: () => void) {
    super();
    this.#controller = controller;
    this.#onClose = onClose;
    // Its reader learns of the error; a body that nobody reads must not end the process.
    this.on('error', () => {});
  }
  override _read(): void {
    this.#controller.resume();
  }
  /** Closes the socket at once, unless it is free for the next. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#onClose();
    if (!this.isComplete) this.#controller.abort(error ?? new Error('The answer is not wanted any more.'));
    done(error);
  }
}

/** Ends once: with an answer that was read, or with the first reason against it. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<Incoming>();
  readonly #onEnd: () => void;
  readonly #isBodyless: boolean;
  readonly #bytesMax: number;
  readonly #connecting: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #body: Body | undefined;
  /** What may still come of an encoded body is counted where it is decoded. */
  #bytesLeft = Number.POSITIVE_INFINITY;
  readonly #bodyError: (reason: unknown) => unknown;
  #failure: { readonly reason: unknown } | undefined;

  /** `onEnd` is called when the answer was read, given up or failed. */
  constructor(request: EgressRequest, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#bodyError = request.bodyError ?? ((reason) => reason);
    this.#isBodyless = request.method === 'HEAD';
    this.#bytesMax = request.maxBytes ?? BYTES_MAX;
    this.#connecting = setTimeout(
      () => this.fail(new GuildhallError(egressErrors.connectTimeout)),
      request.connectMs ?? CONNECT_MS,
    );
  }

  /** Puts the request on a connection. The answer's own limits of time begin there. */
  send(agent: Dispatcher, url: URL, request: EgressRequest, headers: Record<string, string>): Promise<Incoming> {
    if (!this.#failure) {
      try {
        agent.dispatch(
          {
            origin: url.origin,
            path: url.pathname + url.search,
            method: request.method ?? 'GET',
            headers,
            body: request.body ?? null,
            headersTimeout: request.firstByteMs ?? FIRST_BYTE_MS,
            bodyTimeout: request.idleMs ?? IDLE_MS,
          },
          this,
        );
      } catch (error) {
        this.fail(errorFor(error));
      }
    }
    return this.#answer.promise;
  }

  /** Ends it now: its reader gets the reason, and the socket is closed, or will be as soon as it stands. */
  fail(reason: unknown): void {
    if (this.#failure) return;
    clearTimeout(this.#connecting);
    this.#failure = { reason: this.#body ? this.#bodyError(reason) : reason };
    if (this.#body) this.#body.destroy(asError(this.#failure.reason));
    else {
      this.#answer.reject(reason);
      this.#controller?.abort(asError(reason));
      this.#onEnd();
    }
  }

  /** What went wrong in words of this part: its own reason before what followed from that. */
  readonly translate = (error: unknown): unknown =>
    this.#failure ? this.#failure.reason : this.#bodyError(errorFor(error));

  onRequestStart(controller: Dispatcher.DispatchController): void {
    clearTimeout(this.#connecting);
    this.#controller = controller;
    if (this.#failure) controller.abort(asError(this.#failure.reason));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, raw: RawHeaders): void {
    if (status < 200 || this.#failure) return;
    const headers = flat(raw);
    const isEmpty = this.#isBodyless || status === 204 || status === 304;
    const encoding = isEmpty ? '' : (headers['content-encoding'] ?? '').trim();
    const isEncoded = encoding !== '' && encoding.toLowerCase() !== 'identity';
    if (!isEmpty && Number(headers['content-length']) > this.#bytesMax) {
      this.fail(tooLarge(this.#bytesMax));
      return;
    }
    if (!isEncoded) this.#bytesLeft = this.#bytesMax;
    this.#body = new Body(controller, this.#onEnd);
    this.#answer.resolve({ status, headers, body: this.#body, isEncoded });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failure) return;
    this.#bytesLeft -= chunk.length;
    if (this.#bytesLeft < 0) this.fail(tooLarge(this.#bytesMax));
    else if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    if (!this.#body) return;
    this.#body.isComplete = true;
    this.#body.push(null);
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.fail(errorFor(error));
  }
}
