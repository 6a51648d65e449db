/** Requests of every kind, good and bad, by a seed: the n-th is the same each time. */
import type { Question } from './models-client.ts';

export interface Hostile extends Question {
  readonly what: string;
  /** Whether the organisation with much money asks. */
  readonly isRich: boolean;
}

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;

const below = (random: Random, count: number): number => Math.floor(random() * count);
const oneOf = <T>(random: Random, choices: readonly [T, ...T[]]): T =>
  choices[below(random, choices.length)] ?? choices[0];

const PATHS = {
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
  embeddings: '/v1/embeddings',
} as const;
export type PromptWire = Exclude<keyof typeof PATHS, 'embeddings'>;
const WIRES: readonly [PromptWire, ...PromptWire[]] = ['chat', 'chat', 'responses', 'messages'];

// Cheap models, so that small budgets buy many calls.
const MODELS: readonly [string, string] = ['gpt-4o-mini', 'claude-3-haiku'];
const OUTPUT_MAX = 32;

/** What the provider does, with how often of a thousand, and whether the client has to leave to be rid of it. */
const DEEDS: readonly (readonly [share: number, directive: string, leaves: boolean])[] = [
  [500, '', false],
  [90, 'usage=doubled', false],
  [45, 'usage=omitted', false],
  [45, 'usage=halved', false],
  [30, 'inputTokens=100000', false],
  [20, 'answerModel=gpt-5', false],
  [90, 'delayMs=10', true],
  [60, 'tokensPerSecond=400', true],
  [10, 'fault=hang', true],
  [10, 'fault=stall', true],
  [10, 'fault=drip', true],
  [5, 'fault=endless', true],
  [10, 'fault=cut', false],
  [10, 'fault=cut-in-line', false],
  [5, 'fault=cut-in-character', false],
  [10, 'fault=truncated', false],
  [10, 'fault=error-event', false],
  [10, 'fault=bad-request', false],
  [10, 'fault=context-length', false],
  [5, 'fault=too-large', false],
  [3, 'fault=server-error', false],
  [3, 'fault=overloaded', false],
  [2, 'fault=bad-gateway', false],
  [2, 'fault=unavailable', false],
  [2, 'fault=rate-limited', false],
  [1, 'fault=rate-limited&retryAfterSeconds=1', false],
  [2, 'fault=reset', false],
  [2, 'fault=empty', false],
  [1, 'fault=bad-json', false],
  [1, 'fault=wrong-shape', false],
  [1, 'fault=huge&hugeBytes=1000000', false],
];
const DEEDS_TOTAL = DEEDS.reduce((sum, [share]) => sum + share, 0);

function deed(random: Random): readonly [string, boolean] {
  let left = below(random, DEEDS_TOTAL);
  for (const [share, directive, leaves] of DEEDS) {
    left -= share;
    if (left < 0) return [directive, leaves];
  }
  return ['', false];
}

/** A well-formed prompt in a wire. */
export function promptOf(wire: PromptWire, model: string, text: string, more: object = {}): object {
  if (wire === 'responses') return { model, input: text, max_output_tokens: OUTPUT_MAX, store: false, ...more };
  return { model, max_tokens: OUTPUT_MAX, messages: [{ role: 'user', content: text }], ...more };
}

const JSON_TYPE = { 'content-type': 'application/json' };

type Described = Question & { readonly what: string };

function prompt(random: Random, headers: Record<string, string>, [directive, leaves] = deed(random)): Described {
  const wire = oneOf(random, WIRES);
  const isStream = random() < 0.5;
  const text = `Say something. @mock ${directive || 'outputTokens=16'}`;
  const model = oneOf(random, MODELS);
  const isCounted = wire === 'chat' && isStream;
  const more = { stream: isStream, ...(isCounted ? { stream_options: { include_usage: true } } : {}) };
  return {
    what: `${wire} ${isStream ? 'streamed' : 'whole'} ${directive}`.trim(),
    path: PATHS[wire],
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(promptOf(wire, model, text, more)),
    leaveAfterMs: leaves ? 5 + below(random, 150) : undefined,
  };
}

function embedding(random: Random): Described {
  const input = Array.from({ length: 1 + below(random, 4) }, (_, index) => `text ${index} ${below(random, 1_000_000)}`);
  return {
    what: 'embeddings',
    path: PATHS.embeddings,
    headers: JSON_TYPE,
    body: JSON.stringify({ model: 'text-embedding-3-small', input }),
  };
}

const NONSENSE: readonly [unknown, ...unknown[]] = [1e12, -1, 0, 0.5, '16', null, true, [], Number.MAX_SAFE_INTEGER];

/** Bodies that no call may come of, or only one within its hold. */
function absurd(random: Random): Described {
  const wire = oneOf(random, WIRES);
  const good = { ...promptOf(wire, 'gpt-4o-mini', 'Say something.') };
  const bodies: readonly [() => unknown, ...(() => unknown)[]] = [
    () => '{"model":"gpt-4o-mini","messages":[',
    () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    () => [],
    () => ({ ...good, max_tokens: oneOf(random, NONSENSE), max_output_tokens: oneOf(random, NONSENSE) }),
    () => ({ ...good, n: oneOf(random, NONSENSE) }),
    () => ({ ...good, n: 100 }),
    () => ({
      ...good,
      model: oneOf(random, ['no-such-model', '', 'openai/unpriced-9', '../../etc/passwd', 'x\r\ny: z']),
    }),
    () => ({ ...good, messages: oneOf(random, NONSENSE), input: oneOf(random, NONSENSE) }),
    () => ({ ...good, tools: [{ type: 'function', function: { name: 'f', parameters: oneOf(random, NONSENSE) } }] }),
    () => ({ ...good, messages: [{ role: 'user', content: 'word '.repeat(2_000) }] }),
    () => promptOf(wire === 'messages' ? 'responses' : 'messages', 'gpt-4o-mini', 'The wrong wire.'),
    () => ({ ...good, stream: oneOf(random, NONSENSE) }),
  ];
  const body = oneOf(random, bodies)();
  return {
    what: 'absurd',
    path: random() < 0.1 ? PATHS.embeddings : PATHS[wire],
    headers: JSON_TYPE,
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  };
}

export interface HostileOptions {
  readonly seed: number;
  /** What a request with a key of its own shows to the provider. */
  readonly ownKey: string;
  readonly providerUrl: string;
}

/** The n-th request. */
export function hostile({ seed, ownKey, providerUrl }: HostileOptions, index: number): Hostile {
  const random = numbers(Math.imul(seed, 1_000_003) + index);
  const kind = random();
  if (kind < 0.12) return { ...absurd(random), isRich: random() < 0.1 };
  if (kind < 0.13) {
    const own = { 'x-provider-key': ownKey, 'x-provider-base-url': `${providerUrl}/v1` };
    // With the operator's key these would close the channel for a minute, and hide everything else.
    const refusal = oneOf(random, ['', '', 'fault=unauthorised', 'fault=forbidden', 'fault=spend-limit']);
    return { ...prompt(random, own, [refusal, false]), isRich: true };
  }
  if (kind < 0.14) return { ...prompt(random, { authorization: 'Bearer gh_live_wrong' }), isRich: false };
  if (kind < 0.26) return { ...embedding(random), isRich: random() < 0.1 };
  return { ...prompt(random, {}), isRich: random() < 0.1 };
}
