/** One answer on its way: what it writes is counted, and it notices when the client leaves. */
import type { ServerResponse } from 'node:http';
import type { Entry, Recorder } from './record.ts';

export interface Line {
  readonly isOpen: boolean;
  head(status: number, headers: readonly string[]): void;
  /** Counts this answer as an open stream until its end. */
  countAsStream(): void;
  /** Sends the headers before there is anything else. */
  flush(): void;
  /** Waits where the client reads slower than we write. */
  write(text: string | Buffer, tokens: number): Promise<void>;
  end(text: string | Buffer, tokens: number): void;
  /** After what was written has left: the connection ends without the end of the answer. */
  cut(): Promise<void>;
  /** At once, with a TCP reset. */
  reset(): void;
  /** Shorter when the client leaves. */
  sleep(ms: number): Promise<void>;
  /** Until the client leaves. */
  gone(): Promise<void>;
}

export function openLine(response: ServerResponse, entry: Entry, recorder: Recorder): Line {
  let isOpen = true;
  let isStream = false;
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  response.on('close', () => {
    isOpen = false;
    if (isStream) recorder.streamClosed();
    recorder.end(entry, response.writableFinished ? 'complete' : 'cancelled');
    leave();
  });
  const account = (text: string | Buffer, tokens: number): void => {
    recorder.sent(entry, text);
    if (tokens > 0) recorder.delivered(entry, tokens);
  };
  return {
    get isOpen() {
      return isOpen;
    },
    head(status, headers) {
      recorder.answered(entry, status);
      // Node takes the flat list of names and values that it also gives; its types want it mutable.
      response.writeHead(status, headers as string[]);
    },
    countAsStream() {
      isStream = true;
      recorder.streamOpened();
    },
    flush: () => response.flushHeaders(),
    async write(text, tokens) {
      if (!isOpen) return;
      account(text, tokens);
      if (response.write(text)) return;
      await Promise.race([left, new Promise<void>((resolve) => response.once('drain', resolve))]);
    },
    end(text, tokens) {
      if (!isOpen) return;
      account(text, tokens);
      response.end(text);
    },
    async cut() {
      recorder.end(entry, 'broken');
      if (isOpen) await Promise.race([left, new Promise<void>((resolve) => response.write('', () => resolve()))]);
      response.destroy();
    },
    reset() {
      recorder.end(entry, 'broken');
      response.socket?.resetAndDestroy();
    },
    async sleep(ms) {
      if (!isOpen || ms <= 0) return;
      let timer: NodeJS.Timeout | undefined;
      const slept = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      });
      await Promise.race([left, slept]);
      clearTimeout(timer);
    },
    gone: () => left,
  };
}
