/** The vectors of single inputs: kept once as 32-bit numbers, answered in either encoding. */
import type { Keyring } from '../../../platform/crypto/index.ts';
import { keyOf } from './keys.ts';
import { permissionOf } from './permission.ts';
import { answererOf, isCacheable, type Question, sectionOf } from './question.ts';
import type { KnownSettings } from './settings.ts';
import type { Shelf } from './shelf.ts';
import type { Vector } from './vector.ts';

/** The same model makes the same vector for ever; what nobody asks for makes room some day. */
const TTL_SECONDS = 30 * 86_400;

interface Head {
  /** As the provider calls the model in its answer. */
  readonly model: string;
  /** What the provider counted for the input. */
  readonly tokens: number;
}

export interface KeptVector extends Head {
  readonly vector: Vector;
}

/** The inputs of one request. */
export interface VectorSlot {
  /** For each input, in the client's order. */
  readonly known: readonly (KeptVector | undefined)[];
  /** Places of the inputs that have to be sent: what is not known, each once. */
  readonly missing: readonly number[];
  /** For each input the place in `missing` of the one that is sent for it; -1 where it is known. */
  readonly sentAs: readonly number[];
  readonly wasLookedFor: boolean;
  /** One for each of `missing`. */
  keep(vectors: readonly KeptVector[]): void;
  saved(nanos: bigint): void;
}

export interface VectorCache {
  /** Undefined for a request whose vectors are not decided by text, model and dimensions alone. */
  look(question: Question): Promise<VectorSlot | undefined>;
}

export interface VectorsDeps {
  readonly keyring: Pick<Keyring, 'mac'>;
  readonly shelf: Pick<Shelf, 'find' | 'keep' | 'tell'>;
  readonly settings: Pick<KnownSettings, 'forOrg'>;
}

/** Other members may change the kind of number or the vector itself. */
const PLAIN_MEMBERS: ReadonlySet<string> = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user']);

const isPlain = ({ facts, body, targets }: Question): boolean =>
  facts.embeddings !== undefined &&
  targets.length === 1 &&
  Object.entries(body).every(([name, value]) => PLAIN_MEMBERS.has(name) || value === null || value === undefined);

const NEW_LINE = 0x0a;

const encode = ({ model, tokens, vector }: KeptVector): Buffer =>
  Buffer.concat([Buffer.from(JSON.stringify({ model, tokens } satisfies Head)), Buffer.of(NEW_LINE), vector]);

function decode(content: Buffer): KeptVector {
  const at = content.indexOf(NEW_LINE);
  // Only what `encode` made has the mac of an entry.
  const head = JSON.parse(content.toString('utf8', 0, at)) as Head;
  return { ...head, vector: content.subarray(at + 1) };
}

/** Which inputs are sent: those that are not known, and of equal ones the first. */
function toSend(names: readonly string[], known: readonly unknown[]): Pick<VectorSlot, 'missing' | 'sentAs'> {
  const missing: number[] = [];
  const places = new Map<string, number>();
  const sentAs = names.map((name, index) => {
    if (known[index]) return -1;
    const before = places.get(name);
    if (before !== undefined) return before;
    places.set(name, missing.length);
    return missing.push(index) - 1;
  });
  return { missing, sentAs };
}

/** Everything is sent as it came and nothing is kept. */
function passing(inputs: readonly unknown[]): VectorSlot {
  const places = inputs.map((_, index) => index);
  return {
    known: inputs.map(() => undefined),
    missing: places,
    sentAs: places,
    wasLookedFor: false,
    keep: () => {},
    saved: () => {},
  };
}

export function createVectorCache({ keyring, shelf, settings }: VectorsDeps): VectorCache {
  return {
    async look(question) {
      const { incoming, facts, body } = question;
      const inputs = facts.embeddings;
      if (!inputs || !isPlain(question)) return undefined;
      const { vectors: isOn, generation } = await settings.forOrg(incoming.payer.orgId);
      const { mayRead, mayKeep } = permissionOf(incoming.headers);
      if (!isOn || !mayKeep || !isCacheable(question)) return passing(inputs);
      const section = sectionOf(question, 'vector');
      const decides = [generation, answererOf(question), body.dimensions ?? null];
      const keys = inputs.map((input) => keyOf(keyring, section, [...decides, input]));
      const found = mayRead ? await shelf.find(section.orgId, keys) : [];
      const known = inputs.map((_, index) => {
        const content = found[index];
        return content && decode(content);
      });
      const names = keys.map((key) => key.toString('base64'));
      const { missing, sentAs } = toSend(names, known);
      if (mayRead)
        shelf.tell(section, { hits: inputs.length - missing.length, misses: missing.length, savedNanos: 0n });
      return {
        known,
        missing,
        sentAs,
        wasLookedFor: mayRead,
        keep(vectors) {
          const entries = vectors.flatMap((vector, place) => {
            const key = keys[missing[place] ?? -1];
            return key ? [{ key, content: encode(vector) }] : [];
          });
          shelf.keep(section, TTL_SECONDS, entries);
        },
        saved: (savedNanos) => shelf.tell(section, { hits: 0, misses: 0, savedNanos }),
      };
    },
  };
}
