/** Writes problems found while reading to a file, so that a million of them need no memory. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Problem, ProblemSink } from './source.ts';

const FLUSH_CHARS = 256 * 1024;

export class ProblemFile implements ProblemSink {
  readonly path: string;
  readonly #file: number;
  #text = '';
  count = 0;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'w');
  }

  add(problem: Problem): void {
    this.count++;
    this.#text += `${JSON.stringify(problem)}\n`;
    if (this.#text.length > FLUSH_CHARS) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}
