/** A step that sends an HTTP request through the platform's guarded way out. */
import {
  AgentError,
  type Json,
  type RunContext,
  type StepFetchResponse,
  type StepOptions,
  type StepScope,
} from '@guildhall/agent-sdk';
import { assertBounded, fillTemplate } from '../expression/index.ts';
import { effectOf, type HttpWork } from '../graph/index.ts';
import { failed, type Outcome, succeeded } from './outcome.ts';
import type { NamedWork } from './run-agent.ts';

/** Half of what a step may record, because JSON can double the length of a text. */
const BODY_BYTES_MAX = 384 * 1024;
/** Answers that the same request may not get a second time. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Answer headers that are credentials, and so are not recorded. */
const UNRECORDED: ReadonlySet<string> = new Set([
  'set-cookie',
  'set-cookie2',
  'authorization',
  'proxy-authenticate',
  'www-authenticate',
]);

interface Request {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/**
 * Sends the request inside one recorded step, which the platform repeats as `retry` says. All attempts carry the same
 * `Idempotency-Key`. With effect `once` there is one attempt, ever.
 */
export async function runHttp(ctx: RunContext, named: NamedWork<HttpWork>): Promise<Outcome> {
  const { name, work } = named;
  const request = requestOf(named);
  const attemptsMax = work.retry?.attemptsMax ?? 1;
  const options: StepOptions = {
    kind: 'http',
    effect: effectOf(work),
    ...(work.retry === undefined ? {} : { retry: work.retry }),
  };
  return ctx.step(
    name,
    async (step): Promise<Outcome> => {
      try {
        return succeeded(await exchange(step, work, request), step.attempt);
      } catch (error) {
        if (!(error instanceof AgentError)) throw error;
        // Thrown on, it makes the platform try again; the last failure is recorded instead, for the policy of the step.
        if (error.retryable && step.attempt < attemptsMax) throw error;
        return failed(error, step.attempt);
      }
    },
    options,
  );
}

async function exchange(step: StepScope, work: HttpWork, request: Request): Promise<Json> {
  const response = await step.fetch(request.url, {
    method: work.method,
    headers: { ...request.headers, ...(needsKey(work, request) ? { 'idempotency-key': step.idempotencyKey } : {}) },
    ...(request.body === undefined ? {} : { body: request.body }),
    timeoutMs: work.timeoutMs,
    bytesMax: BODY_BYTES_MAX,
  });
  const isExpected = work.expectedStatus.some(
    (one) => one === response.status || one === `${Math.floor(response.status / 100)}xx`,
  );
  if (!isExpected) {
    throw new AgentError('http-status', `${work.method} was answered with status ${response.status}.`, {
      advice: 'Correct the request, or list the status in expectedStatus.',
      retryable: TRANSIENT.has(response.status),
    });
  }
  return { status: response.status, headers: recordedHeaders(response), ...readBody(response) };
}

/** GET and HEAD have no effect to de-duplicate; a key that the author set is left alone. */
function needsKey(work: HttpWork, request: Request): boolean {
  if (work.method === 'GET' || work.method === 'HEAD') return false;
  return !Object.keys(request.headers).some((name) => name.toLowerCase() === 'idempotency-key');
}

function requestOf({ work, templates, scope }: NamedWork<HttpWork>): Request {
  const value = (name: string): Json => {
    const template = templates.get(name);
    return template === undefined ? null : fillTemplate(template, scope);
  };
  const url = value('url');
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new AgentError('http-url-invalid', 'The address is not a full http or https URL.');
  }
  const headers = Object.entries(value('headers') ?? {}).map(
    ([name, header]) => [name, headerOf(name, header)] as const,
  );
  const body = templates.has('body') ? value('body') : undefined;
  if (body === undefined || work.method === 'GET' || work.method === 'HEAD')
    return { url, headers: Object.fromEntries(headers), body: undefined };
  if (typeof body === 'string') return { url, headers: Object.fromEntries(headers), body };
  const typed = headers.some(([name]) => name.toLowerCase() === 'content-type');
  const all = typed ? headers : [...headers, ['content-type', 'application/json'] as const];
  return { url, headers: Object.fromEntries(all), body: JSON.stringify(body) };
}

function headerOf(name: string, value: Json | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? '');
  // A line break would begin another header; the value itself may be a credential and is not repeated.
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
    throw new AgentError('http-header-invalid', `The header ${name} holds characters a header cannot.`);
  return text;
}

function recordedHeaders(response: StepFetchResponse): Json {
  return Object.fromEntries(
    Object.entries(response.headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !UNRECORDED.has(name)),
  );
}

/** JSON where the answer says so and is; else text where it is UTF-8; else base64. `encoding` tells which. */
function readBody(response: StepFetchResponse): { readonly body: Json; readonly encoding: 'json' | 'text' | 'base64' } {
  const type = Object.entries(response.headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  const text = decoded(response.body);
  if (text === undefined) return { body: Buffer.from(response.body).toString('base64'), encoding: 'base64' };
  if (/[/+]json\b/i.test(type)) {
    try {
      const value: Json = JSON.parse(text);
      assertBounded(value);
      return { body: value, encoding: 'json' };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  const body: Json = text;
  assertBounded(body);
  return { body, encoding: 'text' };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
