/** What a model says, told to readers a few times a second. */
import type { NewEvent } from '../types.ts';
import type { Attempt } from './attempt.ts';

// As often as an eye follows.
const TELL_EVERY_MS = 250;

export interface Words {
  add(words: string): void;
  /** Told after the words that came before. */
  tell(event: NewEvent): void;
  /** Resolves when all of it is told. */
  flush(): Promise<void>;
  /** What of these words, of which those added are the beginning, was not added. */
  restOf(words: string): NewEvent[];
}

export function createWords(attempt: Attempt, step: { readonly index: number; readonly name: string }): Words {
  let waiting = '';
  let added = 0;
  const token = (text: string): NewEvent[] => (text === '' ? [] : [{ type: 'token', data: { ...step, text } }]);
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<void> = Promise.resolve();
  const send = (...events: readonly NewEvent[]): void => {
    clearTimeout(timer);
    timer = undefined;
    const all = [...token(waiting), ...events];
    waiting = '';
    if (all.length > 0) telling = telling.then(() => attempt.tell(all));
  };
  return {
    add(words) {
      if (words === '') return;
      waiting += words;
      added += words.length;
      timer ??= setTimeout(send, TELL_EVERY_MS);
    },
    tell: (event) => send(event),
    async flush() {
      send();
      await telling;
    },
    restOf: (words) => token(words.slice(added)),
  };
}
