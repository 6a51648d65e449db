/** Whole answers, as their clients got them, for requests that are the same to the last word that matters. */
import type { Keyring } from '../../../platform/crypto/index.ts';
import type { TokenUsage } from '../types.ts';
import { deciding, keyOf } from './keys.ts';
import { permissionOf } from './permission.ts';
import { answererOf, isCacheable, type Question, sectionOf } from './question.ts';
import type { KnownSettings } from './settings.ts';
import { CONTENT_BYTES_MAX, type Shelf } from './shelf.ts';
import type { Section } from './types.ts';

/** What made an answer, beside its bytes. */
interface Head {
  readonly usage: TokenUsage;
}

export interface KeptAnswer extends Head {
  /** A whole answer, or all events of a stream. */
  readonly body: Buffer;
}

/** The place of one request in the cache. */
export interface AnswerSlot {
  readonly hit: KeptAnswer | undefined;
  /** Whether it was looked for. */
  readonly wasLookedFor: boolean;
  /** Answers that are longer are not kept, so they need not be collected. */
  readonly bytesMax: number;
  /** Only for a whole and successful answer of the model that was asked first. */
  keep(answer: KeptAnswer): void;
  /** What the hit saved its customer. */
  saved(nanos: bigint): void;
  /** The call is over: whoever waits for its answer goes on. To be called in any case. */
  leave(): void;
}

export interface AnswerCache {
  /**
   * Looks for an answer; undefined where none may be kept. Of whole requests that are the same and come at the same time the first is asked, in
   * this process, and the others wait for its answer.
   */
  look(question: Question & { readonly outputMax: number | undefined }): Promise<AnswerSlot | undefined>;
}

export interface AnswersDeps {
  readonly keyring: Pick<Keyring, 'mac'>;
  readonly shelf: Pick<Shelf, 'find' | 'keep' | 'tell'>;
  readonly settings: Pick<KnownSettings, 'forOrg'>;
}

const NEW_LINE = 0x0a;

const encode = ({ body, usage }: KeptAnswer): Buffer =>
  Buffer.concat([Buffer.from(JSON.stringify({ usage } satisfies Head)), Buffer.of(NEW_LINE), body]);

function decode(content: Buffer): KeptAnswer {
  const at = content.indexOf(NEW_LINE);
  // Only what `encode` made has the mac of an entry.
  const { usage } = JSON.parse(content.toString('utf8', 0, at)) as Head;
  return { usage, body: content.subarray(at + 1) };
}

/** Resolves when the other call is over, or the client of this one leaves. */
function over(flight: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    void flight.then(done);
  });
}

export function createAnswerCache({ keyring, shelf, settings }: AnswersDeps): AnswerCache {
  /** Whole requests that are being asked, by key. */
  const flights = new Map<string, Promise<void>>();
  const find = async (section: Section, key: Buffer): Promise<KeptAnswer | undefined> => {
    const [content] = await shelf.find(section.orgId, [key]);
    return content && decode(content);
  };
  const enter = (name: string): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    flights.set(name, promise);
    return () => {
      if (flights.get(name) === promise) flights.delete(name);
      resolve();
    };
  };
  return {
    async look(question) {
      const { incoming, facts, body, outputMax } = question;
      if (facts.embeddings || facts.hasUnseenInput || !isCacheable(question)) return undefined;
      const { responses, ttlSeconds, generation } = await settings.forOrg(incoming.payer.orgId);
      const { mayRead, mayKeep } = permissionOf(incoming.headers);
      if (!responses || !mayKeep) return undefined;
      const section = sectionOf(question, 'response');
      const { wire, headers } = incoming;
      const key = keyOf(keyring, section, [
        generation,
        wire,
        // Each is answered with the bytes its kind of client got: a stream is not made into a whole answer, nor the other way round.
        facts.stream,
        answererOf(question),
        outputMax ?? null,
        headers?.['anthropic-beta'] ?? null,
        deciding(wire, body),
      ]);
      const name = key.toString('base64');
      let hit = mayRead ? await find(section, key) : undefined;
      const flight = flights.get(name);
      if (mayRead && !hit && flight && !facts.stream) {
        await over(flight, incoming.signal);
        hit = await find(section, key);
      }
      if (mayRead) shelf.tell(section, { hits: hit ? 1 : 0, misses: hit ? 0 : 1, savedNanos: 0n });
      const leave = hit || facts.stream || flights.has(name) ? () => {} : enter(name);
      return {
        hit,
        wasLookedFor: mayRead,
        bytesMax: CONTENT_BYTES_MAX,
        keep: (answer) => shelf.keep(section, ttlSeconds, [{ key, content: encode(answer) }]),
        saved: (savedNanos) => shelf.tell(section, { hits: 0, misses: 0, savedNanos }),
        leave,
      };
    },
  };
}
