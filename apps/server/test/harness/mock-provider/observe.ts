/** What a bare client sees of an answer, down to how the connection ends. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { setImmediate } from 'node:timers/promises';

export interface Observed {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Buffer;
  readonly text: string;
  /** `broken` also where no answer came at all. */
  readonly ending: 'complete' | 'broken';
}

export interface Observing {
  /** As soon as there is any of its body; undefined where there never is. */
  readonly firstBytes: Promise<Buffer | undefined>;
  readonly done: Promise<Observed>;
  /** What has come so far. */
  received(): string;
  leave(): void;
}

const HEADERS = { authorization: 'Bearer mock', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };

/** Posts JSON on a connection of its own. */
export function observe(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Observing {
  const posted = request(url, { method: 'POST', agent: false, headers: { ...HEADERS, ...headers } });
  const chunks: Buffer[] = [];
  let heard = (_bytes: Buffer | undefined): void => {};
  const firstBytes = new Promise<Buffer | undefined>((resolve) => {
    heard = resolve;
  });
  const observed = (response: IncomingMessage | undefined, ending: Observed['ending']): Observed => {
    const bytes = Buffer.concat(chunks);
    heard(undefined);
    return { status: response?.statusCode, headers: response?.headers ?? {}, bytes, text: bytes.toString(), ending };
  };
  const done = (async (): Promise<Observed> => {
    let response: IncomingMessage | undefined;
    try {
      const sent = once(posted, 'response');
      posted.end(typeof body === 'string' ? body : JSON.stringify(body));
      // The event carries the answer and nothing else.
      [response] = (await sent) as [IncomingMessage];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        heard(chunk);
      });
      await once(response, 'end');
      return observed(response, 'complete');
    } catch (error) {
      // Every break of a connection carries a code of the system; anything else is a mistake of the test.
      if (!(error instanceof Error && 'code' in error)) throw error;
      return observed(response, 'broken');
    }
  })();
  return { firstBytes, done, received: () => Buffer.concat(chunks).toString(), leave: () => posted.destroy() };
}

/** Longer than anything a test waits for; a loop without an end would outlive its test. */
const UNTIL_MS = 10_000;

/** Waits for what is about to happen; throws when it does not. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const lastAt = performance.now() + UNTIL_MS;
  while (!(await isSo())) {
    if (performance.now() > lastAt) throw new Error(`still not so after ${UNTIL_MS} ms`);
    await setImmediate();
  }
}
