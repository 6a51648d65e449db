/** A client that may leave at any moment, and that remembers how each of its answers ended. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Question {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Left out: it waits for the end. */
  readonly leaveAfterMs?: number | undefined;
  /** Told of all that has come so far, each time that more comes. */
  readonly onBody?: ((soFar: string) => void) | undefined;
}

export interface Received {
  /** 0 without an answer. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** `whole`: to the last byte. `cut`: the other side broke it off. `left`: we did. */
  readonly end: 'whole' | 'cut' | 'left';
}

export interface ModelClient {
  ask(url: string, question: Question): Promise<Received>;
  close(): void;
}

// Longer than any healthy answer on a busy machine.
const PATIENCE_MS = 30_000;

export function createModelClient(sockets: number): ModelClient {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  return {
    ask: (url, { path, headers, body, leaveAfterMs, onBody }) =>
      new Promise((resolve) => {
        let status = 0;
        let answered: IncomingHttpHeaders = {};
        const chunks: Buffer[] = [];
        let left = false;
        const done = (end: Received['end']): void => {
          clearTimeout(timer);
          resolve({
            status,
            headers: answered,
            body: Buffer.concat(chunks).toString('utf8'),
            end: left && end !== 'whole' ? 'left' : end,
          });
        };
        const sent = request(`${url}${path}`, {
          agent,
          method: 'POST',
          headers: { 'content-length': Buffer.byteLength(body), ...headers },
        });
        const timer = setTimeout(() => {
          left = true;
          sent.destroy();
        }, leaveAfterMs ?? PATIENCE_MS);
        sent.on('error', () => done('cut'));
        sent.on('response', (response) => {
          status = response.statusCode ?? 0;
          answered = response.headers;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            onBody?.(Buffer.concat(chunks).toString('utf8'));
          });
          response.on('error', () => {});
          response.on('close', () => done(response.complete ? 'whole' : 'cut'));
        });
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}
