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
}

export function createWords(attempt: Attempt, step: { readonly index: number; readonly name: string }): Words {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<void> = Promise.resolve();
  const send = (...events: readonly NewEvent[]): void => {
    clearTimeout(timer);
    timer = undefined;
    const said: NewEvent[] = waiting === '' ? [] : [{ type: 'token', data: { ...step, text: waiting } }];
    waiting = '';
    const all = [...said, ...events];
    if (all.length > 0) telling = telling.then(() => attempt.tell(all));
  };
  return {
    add(words) {
      if (words === '') return;
      waiting += words;
      timer ??= setTimeout(send, TELL_EVERY_MS);
    },
    tell: (event) => send(event),
    async flush() {
      send();
      await telling;
    },
  };
}
