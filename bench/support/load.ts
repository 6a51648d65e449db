/** Load generators over keep-alive HTTP: closed loop (so many at once) and open loop (so many a second, whatever the answers take). */
import http from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

export interface Outcome {
  readonly sent: number;
  readonly ok: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export type Send = (index: number) => Promise<Answer>;

export interface Target {
  readonly url: string;
  readonly sockets: number;
}

/** A client with at most `sockets` connections. `close` ends them. */
export function createClient(target: Target) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: target.sockets, scheduling: 'fifo' });
  const { hostname, port } = new URL(target.url);
  const send = (method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> => {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          agent,
          hostname,
          port,
          method,
          path,
          headers: {
            ...headers,
            ...(body ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } : {}),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              body: Buffer.concat(parts).toString('utf8'),
              ms: performance.now() - began,
            }),
          );
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  };
  return { send, close: () => agent.destroy() };
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

function summarise(times: number[], sent: number, seconds: number): Outcome {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    sent,
    ok: times.length,
    seconds,
    perSecond: times.length / seconds,
    p50: at(sorted, 0.5),
    p95: at(sorted, 0.95),
    p99: at(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** `concurrency` requests are always under way, for `seconds`. Only answers that `isOk` accepts count. */
export async function closedLoop(input: {
  concurrency: number;
  seconds: number;
  send: Send;
  isOk: (answer: Answer) => boolean;
}): Promise<Outcome> {
  const times: number[] = [];
  let sent = 0;
  const began = performance.now();
  const end = began + input.seconds * 1_000;
  const loop = async (): Promise<void> => {
    while (performance.now() < end) {
      sent += 1;
      const answer = await input.send(sent).catch(() => undefined);
      if (answer && input.isOk(answer)) times.push(answer.ms);
    }
  };
  await Promise.all(Array.from({ length: input.concurrency }, loop));
  return summarise(times, sent, (performance.now() - began) / 1_000);
}

/** `perSecond` requests begin each second on a fixed timetable; the time counts from when a request was due, so waiting in line is seen. */
export async function openLoop(input: {
  perSecond: number;
  seconds: number;
  send: Send;
  isOk: (answer: Answer) => boolean;
}): Promise<Outcome> {
  const times: number[] = [];
  const total = input.perSecond * input.seconds;
  const under = new Set<Promise<void>>();
  const began = performance.now();
  for (let index = 0; index < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1_000) * input.perSecond) + 1);
    for (; index < due; index += 1) {
      const dueAt = began + (index / input.perSecond) * 1_000;
      const one: Promise<void> = input
        .send(index)
        .then((answer) => {
          if (input.isOk(answer)) times.push(performance.now() - dueAt);
        })
        .catch(() => {})
        .finally(() => under.delete(one));
      under.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(under);
  return summarise(times, total, (performance.now() - began) / 1_000);
}
