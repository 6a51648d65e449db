/** The nouns of the mock model provider. Times are milliseconds, counts are tokens. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const WIRES = ['chat', 'responses', 'messages', 'embeddings', 'models'] as const;
/** What was asked for; `models` is the list of either provider. */
export type Wire = (typeof WIRES)[number];

/** Answers with a status and the provider's own error body. */
export const STATUS_FAULTS = [
  'bad-request',
  'context-length',
  'unauthorised',
  'forbidden',
  'not-found',
  'too-large',
  'rate-limited',
  'spend-limit',
  'server-error',
  'bad-gateway',
  'unavailable',
  'overloaded',
] as const;
export type StatusFault = (typeof STATUS_FAULTS)[number];

/** What else can go wrong with an answer; the README says of each what happens on the line. */
export const FAULTS = [
  ...STATUS_FAULTS,
  'hang',
  'reset',
  'empty',
  'bad-json',
  'wrong-shape',
  'huge',
  'endless',
  'drip',
  'stall',
  'cut',
  'cut-in-character',
  'cut-in-line',
  'truncated',
  'error-event',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface ToolCall {
  readonly name: string;
  /** The object, or the text of it where it shall be broken. */
  readonly arguments: JsonObject | string;
}

/** What happens to one request. Everything left out is as with a healthy, instant provider. */
export interface Behaviour {
  /** Before the status line. */
  readonly delayMs?: number;
  /** Between the headers and the first token of a stream. */
  readonly firstTokenMs?: number;
  /** Of a stream, after its first token. */
  readonly tokensPerSecond?: number;
  /** A stream is written in pieces of so many bytes, wherever they fall; whole events when left out. */
  readonly chunkBytes?: number;
  /** Between two such pieces. */
  readonly chunkMs?: number;
  /** What is said; else `outputTokens` words. */
  readonly text?: string;
  /** Length of the text in o200k tokens, 16 when left out. The request's own maximum cuts it short. */
  readonly outputTokens?: number;
  readonly toolCalls?: readonly ToolCall[];
  readonly refusal?: string;
  /** Thought before speaking; shown as thinking (Anthropic) or summary (responses), counted as output. */
  readonly reasoningTokens?: number;
  /** The input as reported; counted when left out. */
  readonly inputTokens?: number;
  /** Of the input: read from the cache. */
  readonly cachedTokens?: number;
  /** Of the input: written to the cache. */
  readonly cacheWriteTokens?: number;
  /** Of those: for an hour (Anthropic). */
  readonly cacheWriteLongTokens?: number;
  /** Whether the reported usage is what was used; `true` when left out. `unasked`: true, and in chat streams told to those too who do not ask, as Mistral does. */
  readonly usage?: 'true' | 'omitted' | 'doubled' | 'halved' | 'unasked';
  /** The model that the answer names; the one asked for when left out. */
  readonly answerModel?: string;
  readonly fault?: Fault;
  /** Tokens delivered before a fault in mid-stream, 3 when left out. */
  readonly afterTokens?: number;
  /** `Retry-After` of a status fault. */
  readonly retryAfterSeconds?: number;
  /** The same as an HTTP date. */
  readonly retryAfterDate?: string;
  /** Size of a `huge` answer, 32 MiB when left out. */
  readonly hugeBytes?: number;
}

/** A behaviour on the script: for the next request it fits, or for several. */
export interface ScriptedBehaviour extends Behaviour {
  /** How many requests take it, 1 when left out; `always` stays until `reset`. */
  readonly times?: number | 'always';
  /** Only requests of this wire. */
  readonly onWire?: Wire;
  /** Only requests for this model, without its directive. */
  readonly onModel?: string;
  /** Only requests with this API key. */
  readonly onKey?: string;
}

/** A request as it came, and what became of its answer. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text. */
  readonly raw: string;
  /** The body as JSON; undefined where it is none. */
  readonly body: Json | undefined;
  /** Zero until the headers were sent. */
  readonly status: number;
  /** The body of the answer as it was handed to the connection; of large ones the beginning. */
  readonly sent: string;
  /** Output tokens handed to the connection, shown thinking and tool calls included. */
  readonly tokensDelivered: number;
  /** `cancelled`: the client went away; `broken`: the behaviour broke it off. */
  readonly outcome: 'open' | 'complete' | 'broken' | 'cancelled';
}

export interface Stats {
  readonly requests: number;
  readonly byPath: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly openStreams: number;
  readonly openStreamsMax: number;
  readonly openConnections: number;
  readonly cancelled: number;
  readonly broken: number;
  readonly tokensDelivered: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Processor time of the whole process since its start. */
  readonly cpuMs: number;
}

export interface MockProviderOptions {
  /** Any free one when left out. */
  readonly port?: number;
  /** Refuses every other key with 401; accepts any but an empty one when left out. */
  readonly keys?: readonly string[];
  /** What the list of models shows, `MOCK_MODELS` when left out; any model answers. */
  readonly models?: readonly string[];
  /** Requests remembered, the newest; 1,000 when left out, 0 for measurements. */
  readonly recordMax?: number;
}

export interface MockProvider {
  /** `http://127.0.0.1:<port>`; OpenAI clients take `${url}/v1`, Anthropic clients `url`. */
  readonly url: string;
  /** Oldest first. */
  requests(): readonly RecordedRequest[];
  stats(): Stats;
  /** Forgets script, recorded requests and counters; listens again after `refuse`. */
  reset(): Promise<void>;
  /** Puts behaviours at the end of the script; a request takes the first that fits it. */
  behave(...behaviours: readonly ScriptedBehaviour[]): void;
  /** Connections are refused and the open ones are cut, until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  /** Cuts what is open and ends. */
  close(): Promise<void>;
}
