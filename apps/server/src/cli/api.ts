/** The API as the command line calls it. Every answer is parsed by the schema of the contract. */
import { createWriteStream, openAsBlob } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type File, file as fileSchema, problem as problemSchema } from '@guildhall/contract';
import type { z } from 'zod';
import type { Ids } from '../platform/ids/index.ts';
import { CliError, EXIT, type ExitCode } from './exit-codes.ts';
import { formatMoney } from './money.ts';
import { plain } from './text.ts';

// The API waits at most 60 s for a run; the rest is for a slow line.
const CALL_MS = 90_000;
const TRANSFER_MS = 900_000;

export interface Api {
  readonly url: string;
  get<T>(target: string, schema: z.ZodType<T>): Promise<T>;
  /** Sent with an Idempotency-Key, so that a repeated packet starts nothing twice. */
  post<T>(target: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  put<T>(target: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  delete(target: string): Promise<void>;
  upload(localPath: string): Promise<File>;
  /** Saves what a signed link leads to. */
  download(url: string, localPath: string): Promise<void>;
  /** Opens a stream of events after `lastEventId`. */
  events(target: string, lastEventId: number, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

export function createApi(options: { readonly url: string; readonly key: string; readonly ids: Ids }): Api {
  const { url, key, ids } = options;
  const send = async (target: string, init: RequestInit): Promise<Response> => {
    const response = await reach(new URL(target, `${url}/`), {
      signal: AbortSignal.timeout(CALL_MS),
      ...init,
      headers: { authorization: `Bearer ${key}`, ...init.headers },
    });
    if (!response.ok) throw await refusalOf(response, url);
    return response;
  };
  return {
    url,
    get: async (target, schema) => parse(await send(target, {}), schema),
    post: async (target, body, schema) => {
      const headers = { 'content-type': 'application/json', 'idempotency-key': ids.make('req') };
      return parse(await send(target, { method: 'POST', headers, body: JSON.stringify(body) }), schema);
    },
    put: async (target, body, schema) => {
      const headers = { 'content-type': 'application/json' };
      return parse(await send(target, { method: 'PUT', headers, body: JSON.stringify(body) }), schema);
    },
    delete: async (target) => {
      await send(target, { method: 'DELETE' });
    },
    upload: async (localPath) => {
      const form = new FormData();
      form.set('file', await openAsBlob(localPath), path.basename(localPath));
      const signal = AbortSignal.timeout(TRANSFER_MS);
      return parse(await send('/v1/files', { method: 'POST', body: form, signal }), fileSchema);
    },
    download: async (link, localPath) => {
      const response = await reach(new URL(link), { signal: AbortSignal.timeout(TRANSFER_MS) });
      if (!response.ok) throw await refusalOf(response, url);
      if (response.body) await pipeline(response.body, createWriteStream(localPath));
    },
    events: async (target, lastEventId, signal) => {
      const headers = { accept: 'text/event-stream', 'last-event-id': String(lastEventId) };
      const response = await send(target, { headers, signal: signal ?? null });
      if (!response.body) throw new CliError(EXIT.unreachable, `${url} sent no events.`);
      return response.body;
    },
  };
}

async function reach(target: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(target, init);
  } catch (cause) {
    throw new CliError(
      EXIT.unreachable,
      `Nothing answers at ${target.origin}. Is Guildhall running? Start it with: npm start`,
      { cause },
    );
  }
}

async function parse<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new CliError(
    EXIT.failed,
    `${response.url} did not answer as Guildhall of this version does. Is it the right address?`,
    { cause: parsed.error },
  );
}

const UNAVAILABLE = new Set([502, 503, 504]);

function exitCodeOf(status: number): ExitCode {
  if (UNAVAILABLE.has(status)) return EXIT.unreachable;
  return status >= 500 ? EXIT.failed : EXIT.refused;
}

/** The problem in the words of the API, with everything that helps to mend it. */
async function refusalOf(response: Response, url: string): Promise<CliError> {
  const parsed = problemSchema.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success) return new CliError(exitCodeOf(response.status), `${url} answered ${response.status}.`);
  const problem = parsed.data;
  const lines = [
    plain(problem.detail),
    ...problem.errors.map((fault) => `  ${plain(fault.path)} ${plain(fault.message)}`),
    ...(problem.required ? [`  required ${formatMoney(problem.required)}`] : []),
    ...(problem.available ? [`  available ${formatMoney(problem.available)}`] : []),
    `  ${problem.code} · request ${problem.requestId}`,
  ];
  return new CliError(exitCodeOf(response.status), lines.join('\n'), { problem });
}
