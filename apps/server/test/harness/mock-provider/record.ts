/** Remembers requests and counts what went over the line. */
import { parseJson } from './json.ts';
import type { RecordedRequest, Stats } from './types.ts';

/** A request while it is answered. */
export interface Entry {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly raw: string;
  status: number;
  readonly sent: (string | Buffer)[];
  sentBytes: number;
  tokensDelivered: number;
  outcome: RecordedRequest['outcome'];
}

interface Counters {
  requests: number;
  byPath: Record<string, number>;
  byStatus: Record<string, number>;
  openStreams: number;
  openStreamsMax: number;
  cancelled: number;
  broken: number;
  tokensDelivered: number;
  bytesIn: number;
  bytesOut: number;
}

export interface Recorder {
  begin(entry: Entry, bytes: number): void;
  answered(entry: Entry, status: number): void;
  delivered(entry: Entry, tokens: number): void;
  sent(entry: Entry, part: string | Buffer): void;
  streamOpened(): void;
  streamClosed(): void;
  end(entry: Entry, outcome: Exclude<Entry['outcome'], 'open'>): void;
  requests(): readonly RecordedRequest[];
  stats(openConnections: number): Stats;
  reset(): void;
}

/** Of an answer; what is huge or endless is not kept whole. */
const SENT_MAX_BYTES = 1024 * 1024;

function headersOf(raw: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) headers[(raw[at] ?? '').toLowerCase()] = raw[at + 1] ?? '';
  return headers;
}

function toRecorded(entry: Entry): RecordedRequest {
  return {
    method: entry.method,
    path: entry.path,
    headers: headersOf(entry.rawHeaders),
    raw: entry.raw,
    body: parseJson(entry.raw),
    status: entry.status,
    sent: Buffer.concat(entry.sent.map((part) => Buffer.from(part))).toString(),
    tokensDelivered: entry.tokensDelivered,
    outcome: entry.outcome,
  };
}

function freshCounters(openStreams: number): Counters {
  return {
    requests: 0,
    byPath: {},
    byStatus: {},
    openStreams,
    openStreamsMax: openStreams,
    cancelled: 0,
    broken: 0,
    tokensDelivered: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

function increment(counts: Record<string, number>, key: string | number): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** Keeps the newest `max` requests. */
export function createRecorder(max: number): Recorder {
  let ring: Entry[] = [];
  let next = 0;
  let counters = freshCounters(0);
  return {
    begin(entry, bytes) {
      counters.requests += 1;
      counters.bytesIn += bytes;
      increment(counters.byPath, entry.path);
      if (max === 0) return;
      ring[next] = entry;
      next = (next + 1) % max;
    },
    answered(entry, status) {
      entry.status = status;
      increment(counters.byStatus, status);
    },
    delivered(entry, tokens) {
      entry.tokensDelivered += tokens;
      counters.tokensDelivered += tokens;
    },
    sent(entry, part) {
      const bytes = typeof part === 'string' ? Buffer.byteLength(part) : part.length;
      counters.bytesOut += bytes;
      if (max === 0 || entry.sentBytes > SENT_MAX_BYTES) return;
      entry.sentBytes += bytes;
      entry.sent.push(part);
    },
    streamOpened() {
      counters.openStreams += 1;
      counters.openStreamsMax = Math.max(counters.openStreamsMax, counters.openStreams);
    },
    streamClosed() {
      counters.openStreams -= 1;
    },
    end(entry, outcome) {
      if (entry.outcome !== 'open') return;
      entry.outcome = outcome;
      if (outcome !== 'complete') counters[outcome] += 1;
    },
    requests: () => [...ring.slice(next), ...ring.slice(0, next)].map(toRecorded),
    stats(openConnections) {
      const { user, system } = process.cpuUsage();
      return structuredClone({ ...counters, openConnections, cpuMs: (user + system) / 1000 });
    },
    reset() {
      ring = [];
      next = 0;
      counters = freshCounters(counters.openStreams);
    },
  };
}
