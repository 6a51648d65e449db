/** Our problems in the words that the official clients understand. */
import type { Json, JsonObject, Problem, Wire } from './types.ts';

/** The types of OpenAI and of Anthropic by status; a client chooses its class of error by the status itself. */
const TYPES: Readonly<Record<number, readonly [openai: string, anthropic: string]>> = {
  400: ['invalid_request_error', 'invalid_request_error'],
  401: ['authentication_error', 'authentication_error'],
  402: ['insufficient_quota', 'billing_error'],
  403: ['permission_error', 'permission_error'],
  404: ['not_found_error', 'not_found_error'],
  408: ['timeout_error', 'timeout_error'],
  409: ['conflict_error', 'conflict_error'],
  413: ['invalid_request_error', 'request_too_large'],
  429: ['rate_limit_error', 'rate_limit_error'],
  503: ['server_error', 'overloaded_error'],
  504: ['timeout_error', 'timeout_error'],
  529: ['server_error', 'overloaded_error'],
};

function typeOf(status: number, wire: Wire): string {
  const [openai, anthropic] =
    TYPES[status] ??
    (status < 500 ? ['invalid_request_error', 'invalid_request_error'] : ['server_error', 'api_error']);
  return wire === 'messages' ? anthropic : openai;
}

/** The members of a problem are made of JSON: strings, numbers, and objects and lists of them. */
const asJson = (problem: Problem): JsonObject => problem as unknown as Record<string, Json | undefined>;

function errorOf(wire: Wire, problem: Problem): JsonObject {
  const { detail, type: documentation, ...own } = asJson(problem);
  const type = typeOf(problem.status, wire);
  const first = problem.errors[0];
  const message = first === undefined ? problem.detail : `${problem.detail} (${first.path}: ${first.message})`;
  const kept = { ...own, documentation: documentation ?? null };
  return wire === 'messages'
    ? { ...kept, type, message }
    : { ...kept, message, type, param: first?.path ?? null, code: problem.code };
}

/** The body of an answer that is an error. Everything our problem says is kept, inside `error`. */
export function errorBody(wire: Wire, problem: Problem): JsonObject {
  const error = errorOf(wire, problem);
  return wire === 'messages' ? { type: 'error', error, request_id: problem.requestId } : { error };
}

/** The last event of a stream that cannot go on; may follow anything that a StreamTranslation gave out. */
export function errorEvent(wire: Wire, problem: Problem): string {
  switch (wire) {
    case 'messages':
      return `event: error\ndata: ${JSON.stringify(errorBody(wire, problem))}\n\n`;
    case 'responses':
      return `event: error\ndata: ${JSON.stringify({ ...errorOf(wire, problem), type: 'error', error: errorOf(wire, problem) })}\n\n`;
    case 'chat':
    case 'embeddings':
      return `data: ${JSON.stringify(errorBody(wire, problem))}\n\n`;
  }
}
