/** The outside world of chaos tests: counts every effect that reaches it, and remembers which key it came under. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Counter {
  readonly url: string;
  /** Effects of kind `once` under this key: more than one is a payment made twice. */
  onceUnder(key: string): number;
  /** Keys of `once` effects that happened more than once. */
  repeatedOnce(): readonly string[];
  /** Distinct keys of idempotent effects of a run: what a receiver that de-duplicates has done. */
  effectiveOf(runId: string): number;
  readonly requests: () => number;
  close(): Promise<void>;
}

export async function startCounter(): Promise<Counter> {
  const once = new Map<string, number>();
  const idempotent = new Map<string, Set<string>>();
  let requests = 0;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://counter');
    const key = searchParams.get('key') ?? '';
    requests += 1;
    if (searchParams.get('kind') === 'once') once.set(key, (once.get(key) ?? 0) + 1);
    else {
      const run = key.slice(0, key.indexOf(':'));
      idempotent.set(run, (idempotent.get(run) ?? new Set()).add(key));
    }
    request.resume();
    response.end('counted');
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    onceUnder: (key) => once.get(key) ?? 0,
    repeatedOnce: () => [...once].filter(([, times]) => times > 1).map(([key]) => key),
    effectiveOf: (runId) => idempotent.get(runId)?.size ?? 0,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
