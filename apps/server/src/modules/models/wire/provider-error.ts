/** What a provider's refusal means: whether to try again, and what the customer may read of it. */
import { entryOf, isObject, isShallow, objectAt, parseObject, textAt } from './json.ts';
import type { JsonObject, ProviderError, Wire } from './types.ts';

const MESSAGE_CHARS_MAX = 1000;

interface SecretShape {
  readonly expression: RegExp;
  /** What tells a key from a word, looked for in what was found: within the expression it would be looked for again at each letter. */
  readonly marks: readonly RegExp[];
}

/** Anything that may be a key or part of one: known beginnings, bearers, and long runs that no word of a message has. */
const SECRETS: readonly SecretShape[] = [
  { expression: /\bbearer\s+[^\s"',]+/gi, marks: [] },
  { expression: /\b(?:sk|pk|rk|gsk|xai|api|key|nvapi|hf|AIza|ya29)[-_.]?[\w.*-]{6,}/gi, marks: [/[\d*]/] },
  { expression: /[\w+/=-]{32,}/g, marks: [/\d/, /[a-z]/i] },
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** A provider's words without keys, without control characters and short. */
export function publicText(text: string): string {
  const clean = SECRETS.reduce(
    (left, { expression, marks }) =>
      left.replace(expression, (found) => (marks.every((mark) => mark.test(found)) ? '[removed]' : found)),
    text.slice(0, 4 * MESSAGE_CHARS_MAX),
  );
  return clean.replace(CONTROLS, ' ').slice(0, MESSAGE_CHARS_MAX).toWellFormed().trim();
}

/** What an error inside a stream stands for, where there is no status. */
const STATUS_OF: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  insufficient_quota: 429,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  timeout_error: 504,
  overloaded_error: 529,
  context_length_exceeded: 400,
};

const SPEND_CODES = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'billing_error',
  'account_deactivated',
  'insufficient_balance',
  'insufficient_credits',
  'credit_balance_too_low',
  'spend_limit_reached',
  'enforced_spend_limit_reached',
]);
const SPEND_WORDS =
  /exceeded your current quota|credit balance is too low|insufficient (?:credit|balance|fund|quota)|spend(?:ing)? (?:limit|cap)|billing (?:hard )?limit|monthly (?:usage|spend)[\w ]* limit|requires more credits|payment required|prepayment credits/i;
/** Google reports limits by the minute in the words that OpenAI uses for an empty account; it names the metric, and a time to wait. */
const RATE_WORDS = /per[- ]?(?:minute|second|day)|retry in \d|please retry|rate limit/i;
const CONTEXT_CODES = new Set(['context_length_exceeded', 'context_window_exceeded', 'string_above_max_length']);
const CONTEXT_WORDS =
  /maximum context length|context (?:length|window)|prompt is too long|input (?:token count|is too long)|too many (?:input )?tokens|exceeds? the (?:maximum number of tokens|model'?s? (?:context|maximum))/i;
const MODEL_CODES = new Set(['model_not_found', 'model_not_available', 'invalid_model']);
const MODEL_WORDS =
  /\bmodel\b.{0,120}(?:not found|not exist|not supported|no longer available|unknown|deprecated)|^model:|no such model/i;
const KEY_CODES = new Set(['invalid_api_key', 'authentication_error', 'invalid_authentication', 'api_key_invalid']);
const KEY_WORDS =
  /api[ _-]?key[\w ]* (?:not valid|invalid|not found|expired)|(?:invalid|incorrect) (?:x-)?api[ _-]?key|unauthori[sz]ed/i;
const RETRYABLE = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

interface Said {
  readonly message: string;
  readonly codes: readonly string[];
}

/** OpenAI `{error:{…}}`, Anthropic `{type:'error',error:{…}}`, Google `[{error:{…}}]`, Ollama `{error:'…'}`, Mistral `{message}` or `{detail}`. */
function saidIn(body: JsonObject): Said {
  const error = isObject(body.error) ? body.error : body;
  const detail = Array.isArray(error.detail) ? JSON.stringify(error.detail) : textAt(error.detail);
  const inner = isObject(error.message) ? JSON.stringify(error.message) : textAt(error.message);
  const upstream = textAt(objectAt(error.metadata).raw);
  const message = [inner ?? textAt(body.error) ?? detail ?? '', upstream].filter(Boolean).join(': ');
  const codes = [objectAt(error.details).error_code, error.code, error.type, error.status].flatMap((code) =>
    typeof code === 'string' || typeof code === 'number' ? [String(code)] : [],
  );
  return { message, codes: codes.filter((code) => code !== 'error') };
}

function bodyOf(body: unknown): JsonObject {
  const parsed = typeof body === 'string' ? (firstObject(body) ?? { message: body }) : body;
  return isShallow(parsed) ? objectAt(Array.isArray(parsed) ? parsed[0] : parsed) : {};
}

const firstObject = (text: string): JsonObject | undefined => parseObject(text.trim().replace(/^\[([\s\S]*)\]$/, '$1'));

/**
 * Reads an answer that is no success: `body` as text or parsed, whatever it is.
 * A status of 0 stands for an event inside a stream, whose status follows from its type.
 */
export function readProviderError(_wire: Wire, status: number, body: unknown): ProviderError {
  const { message, codes } = saidIn(bodyOf(body));
  const named = codes.map((code) => entryOf(STATUS_OF, code) ?? statusLike(code)).find((known) => known !== undefined);
  const known = status > 0 ? status : (named ?? 502);
  const has = (set: ReadonlySet<string>): boolean => codes.some((code) => set.has(code.toLowerCase()));
  const isSpendLimit =
    known === 402 ||
    has(SPEND_CODES) ||
    (known < 500 && SPEND_WORDS.test(message) && !isRateOnly(known, message, codes));
  const isKeyRefused = known === 401 || has(KEY_CODES) || (known < 404 && KEY_WORDS.test(message));
  const text = isKeyRefused ? 'The provider does not accept the key.' : publicText(message);
  return {
    message: text === '' ? `The provider answered ${known} without saying why.` : text,
    code: publicText(codes[0] ?? '').slice(0, 100) || 'unknown',
    status: known,
    isSpendLimit,
    isContextLength:
      known < 500 && (has(CONTEXT_CODES) || ((known === 400 || known === 413) && CONTEXT_WORDS.test(message))),
    isModelMissing: has(MODEL_CODES) || ((known === 404 || known === 400) && MODEL_WORDS.test(message)),
    isKeyRefused,
    isRetryable: RETRYABLE.has(known) && !isSpendLimit && !isKeyRefused,
  };
}

const statusLike = (code: string): number | undefined => (/^[45]\d\d$/.test(code) ? Number(code) : undefined);

/** A 429 whose words speak of quota, while a limit by the minute is what was hit. */
const isRateOnly = (status: number, message: string, codes: readonly string[]): boolean =>
  status === 429 && codes.includes('RESOURCE_EXHAUSTED') && RATE_WORDS.test(message);
