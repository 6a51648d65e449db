/** What every wire gives a planned answer. */
import type { Ask, Plan } from '../plan.ts';
import type { JsonObject } from '../types.ts';
import type { House } from './errors.ts';

/** A piece of a stream that is whole in itself, and how many output tokens it shows. */
export interface Frame {
  readonly text: string;
  readonly tokens: number;
}

/** One language: how its requests are read and its answers written. */
export interface WireForm {
  readonly house: House;
  /** Why the request is refused, or what it asks for. */
  read(body: JsonObject, model: string): Ask | { readonly refused: string; readonly param: string };
  json(plan: Plan, ask: Ask): string;
  stream(plan: Plan, ask: Ask): Iterable<Frame>;
  /** The event by which the provider gives up after so many events. */
  breakOff(plan: Plan, ask: Ask, requestId: string, frames: number): string;
}

/** An event without output. */
export function mark(text: string): Frame {
  return { text, tokens: 0 };
}
