/** A provider's answer to a request for embeddings. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Json, TokenUsage } from '../types.ts';
import { readUsage, wireErrors } from '../wire/index.ts';
import { isObject, listAt, textAt } from '../wire/json.ts';
import { readVector, type Vector } from './vector.ts';

export interface VectorRead {
  /** As the provider wrote it. */
  readonly given: Json;
  readonly vector: Vector;
}

export interface VectorsRead {
  /** In the order of the inputs. */
  readonly items: readonly VectorRead[];
  /** As the provider calls it. */
  readonly model: string | undefined;
  readonly usage: TokenUsage | undefined;
}

const unreadable = (why: string): GuildhallError => new GuildhallError(wireErrors.unreadableAnswer, { detail: why });

/** @throws `models.unreadable-answer` where there is not one vector for each input. */
export function readVectors(body: Buffer, count: number): VectorsRead {
  const answer: unknown = JSON.parse(body.toString('utf8'));
  if (!isObject(answer) || isObject(answer.error)) throw unreadable('The provider sent no embeddings.');
  const listed = listAt(answer.data);
  if (listed.length !== count) throw unreadable(`The provider sent ${listed.length} embeddings for ${count} inputs.`);
  const items = new Map<number, VectorRead>();
  for (const [at, item] of listed.entries()) {
    if (!isObject(item)) throw unreadable('An embedding of the provider is none.');
    const index = typeof item.index === 'number' ? item.index : at;
    const given = item.embedding ?? null;
    const vector = readVector(given);
    if (!vector) throw unreadable('An embedding of the provider is no vector.');
    items.set(index, { given, vector });
  }
  const ordered = listed.map((_, index) => {
    const found = items.get(index);
    if (!found) throw unreadable('The embeddings of the provider have no order.');
    return found;
  });
  return { items: ordered, model: textAt(answer.model), usage: readUsage('embeddings', answer) };
}
