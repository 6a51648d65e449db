/** Refusals in each provider's own words and shape. */
import type { StatusFault } from '../types.ts';

/** Whose error shape it is. */
export type House = 'openai' | 'anthropic';

export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly message: string;
}

type Words = Readonly<Record<Exclude<StatusFault, 'bad-gateway'>, Refusal>>;

function refusal(status: number, type: string, code: string | null, message: string, param?: string): Refusal {
  return { status, type, code, param: param ?? null, message };
}

const OPENAI: Words = {
  'bad-request': refusal(400, 'invalid_request_error', 'invalid_value', "Invalid value: 'mock'.", 'messages[0].role'),
  'context-length': refusal(
    400,
    'invalid_request_error',
    'context_length_exceeded',
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 128001 tokens. Please reduce the length of the messages.",
    'messages',
  ),
  unauthorised: refusal(
    401,
    'invalid_request_error',
    'invalid_api_key',
    'Incorrect API key provided: sk-mock*********mock. You can find your API key at https://platform.openai.com/account/api-keys.',
  ),
  forbidden: refusal(
    403,
    'request_forbidden',
    'unsupported_country_region_territory',
    'Country, region, or territory not supported',
  ),
  'not-found': refusal(
    404,
    'invalid_request_error',
    'model_not_found',
    'The model does not exist or you do not have access to it.',
  ),
  'too-large': refusal(413, 'invalid_request_error', null, 'Maximum content size limit (26214400) exceeded.'),
  'rate-limited': refusal(
    429,
    'requests',
    'rate_limit_exceeded',
    'Rate limit reached for requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 1s.',
  ),
  'spend-limit': refusal(
    429,
    'insufficient_quota',
    'insufficient_quota',
    'You exceeded your current quota, please check your plan and billing details.',
  ),
  'server-error': refusal(
    500,
    'server_error',
    null,
    'The server had an error while processing your request. Sorry about that!',
  ),
  unavailable: refusal(503, 'server_error', null, 'The engine is currently overloaded, please try again later.'),
  overloaded: refusal(529, 'server_error', null, 'The engine is currently overloaded, please try again later.'),
};

const ANTHROPIC: Words = {
  'bad-request': refusal(400, 'invalid_request_error', null, 'messages.0.role: Input should be mock'),
  'context-length': refusal(400, 'invalid_request_error', null, 'prompt is too long: 200001 tokens > 200000 maximum'),
  unauthorised: refusal(401, 'authentication_error', null, 'invalid x-api-key'),
  forbidden: refusal(
    403,
    'permission_error',
    null,
    'Your API key does not have permission to use the specified resource.',
  ),
  'not-found': refusal(404, 'not_found_error', null, 'model: mock'),
  'too-large': refusal(413, 'request_too_large', null, 'Request exceeds the maximum size'),
  'rate-limited': refusal(429, 'rate_limit_error', null, 'Number of requests has exceeded your per-minute rate limit.'),
  'spend-limit': refusal(
    429,
    'rate_limit_error',
    'enforced_spend_limit_reached',
    'Your organization has reached its monthly API usage threshold.',
  ),
  'server-error': refusal(500, 'api_error', null, 'Internal server error'),
  unavailable: refusal(503, 'api_error', null, 'Service temporarily unavailable'),
  overloaded: refusal(529, 'overloaded_error', null, 'Overloaded'),
};

/** What a house says to a fault; `bad-gateway` is said by the machine before it. */
export function refusalOf(house: House, fault: Exclude<StatusFault, 'bad-gateway'>): Refusal {
  return house === 'openai' ? OPENAI[fault] : ANTHROPIC[fault];
}

/** A refusal of the request as it stands, in words of either house. */
export function badRequest(message: string, param?: string): Refusal {
  return refusal(400, 'invalid_request_error', null, message, param);
}

/** The body of a refusal. */
export function refusalJson(house: House, { type, code, param, message }: Refusal, requestId: string): string {
  if (house === 'openai') return `${JSON.stringify({ error: { message, type, param, code } }, undefined, 2)}\n`;
  const details = code === null ? {} : { details: { error_code: code } };
  return JSON.stringify({ type: 'error', error: { type, message, ...details }, request_id: requestId });
}

/** What a proxy before a provider answers when the provider is away. */
export const BAD_GATEWAY_PAGE =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>mock</center>\r\n</body>\r\n</html>\r\n';
