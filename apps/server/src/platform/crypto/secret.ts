/** A value that must not be shown. */
import { inspect } from 'node:util';

const STARS = '********';

/**
 * Holds a secret and prints as stars wherever it is turned into text: JSON, templates, inspection, logs.
 * Only `reveal` gives the value; call it where the value is used, never earlier.
 */
export class Secret {
  #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  /** The secret was changed where it lies: from now on `reveal` gives this. For whoever reads settings; nobody else changes one. */
  renew(value: string): void {
    this.#value = value;
  }
  toString(): string {
    return STARS;
  }
  toJSON(): string {
    return STARS;
  }
  [Symbol.toPrimitive](): string {
    return STARS;
  }
  [inspect.custom](): string {
    return `Secret(${STARS})`;
  }
}
