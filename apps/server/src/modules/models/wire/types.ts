/** What the wires take and give. */
import type { Problem } from '@guildhall/contract';
import type { FieldError } from '../../../platform/errors/index.ts';
import type { Json, JsonObject, ProviderKind, TokenUsage, Wire } from '../types.ts';

export type { Json, JsonObject, Problem, ProviderKind, TokenUsage, Wire };

/** What one request asks for, as far as the gateway must know before it sends it on. */
export interface RequestFacts {
  /** As the client wrote it. */
  readonly model: string;
  readonly stream: boolean;
  /** The most tokens the client allows for one answer; undefined where it does not say. */
  readonly outputMax: number | undefined;
  /** Answers asked for, 1 to 128. */
  readonly n: number;
  /** Everything whose tokens the provider counts as input: instructions, messages, results, tools and schemas. */
  readonly texts: readonly string[];
  /** Messages and items, each of which costs a few tokens beside its text. */
  readonly messages: number;
  readonly images: number;
  /** Input that the client had already cut into tokens, for embeddings. */
  readonly cutTokens: number;
  /** Whether the provider reads what cannot be counted from the body: documents, stored answers, the web. Then the worst case is the model's whole context. */
  readonly hasUnseenInput: boolean;
  readonly usesTools: boolean;
  readonly usesStructuredOutput: boolean;
  /** Whether the client of a chat stream wants the usage in a last chunk of its own. */
  readonly includesUsage: boolean;
  /** Of the wire `embeddings`, in the client's order: texts, or texts already cut into tokens. */
  readonly embeddings: readonly (string | readonly number[])[] | undefined;
  /** What has no price here, or reaches what the account behind the key keeps for others: for the customer's own account alone. */
  readonly ownAccountOnly: readonly FieldError[];
  /** What only a provider of the same wire can do; empty where the request can be translated as far as its members tell. */
  readonly sameWireOnly: readonly FieldError[];
}

/** The same without what needs no reader of its own. */
export type ReadFacts = Omit<RequestFacts, 'ownAccountOnly'>;

export interface ForProvider {
  /** As the provider calls it. */
  readonly model: string;
  /** Written over what the client said; left out, the client's own limit stays. */
  readonly outputMax?: number | undefined;
  /** Decides the name of the limit among chat providers: all but OpenAI, Google and OpenRouter know `max_tokens` alone. */
  readonly kind?: ProviderKind | undefined;
}

/** What a translated answer needs beside the provider's words. */
export interface AnswerContext {
  /** Names the answer where the provider's wire gives no fitting name; letters, digits and underscores. */
  readonly id: string;
  readonly createdAtSeconds: number;
  /** The body as the client sent it: answers of the wire `responses` repeat it, chat streams obey its `stream_options`. */
  readonly request: JsonObject;
  /** Of a whole answer: told to the client where the provider does not say. Streams are told at their end. */
  readonly usage?: TokenUsage | undefined;
}

/** What a stream has told so far; a live view. */
export interface StreamReading {
  /** As the provider reported it, undefined where it did not (yet). */
  readonly usage: TokenUsage | undefined;
  /** Where a messages stream told its exact input at its start; its output is not final. Of use where `usage` never came. */
  readonly startUsage: TokenUsage | undefined;
  /** Everything that was delivered and costs tokens: text, refusals, reasoning, names and arguments of tools. */
  readonly text: string;
  /** Whether any of it has come: the moment of the first token. */
  readonly hasContent: boolean;
  /** In the provider's words. */
  readonly finishReason: string | undefined;
  /** An error event of the provider, or an event that is no JSON. It is never passed on: end the stream with `errorEvent`. */
  readonly error: ProviderError | undefined;
  /** Whether every answer that was begun has come to its end; otherwise the stream was cut. In chat the usage is yet to follow. */
  readonly isComplete: boolean;
  /** Whether the provider said that nothing follows. Some of chat never say it and close. */
  readonly isEnded: boolean;
}

/** What a whole answer has told. */
export interface AnswerReading {
  readonly usage: TokenUsage | undefined;
  /** Everything that was delivered and costs tokens, to be counted where there is no usage. */
  readonly text: string;
  /** In the provider's words. */
  readonly finishReason: string | undefined;
}

/** Reads a provider's stream without changing it. */
export interface StreamReader {
  readonly reading: StreamReading;
  push(bytes: Uint8Array): void;
  /** No bytes will follow. */
  end(): void;
}

/**
 * Turns a provider's stream into the client's, whole events at a time, and reads it on the way.
 * Events are held back until they are whole, so an `errorEvent` may follow whatever was given out.
 */
export interface StreamTranslation {
  readonly reading: StreamReading;
  /** What the client gets now; empty where nothing is ready. Valid until the next call. */
  push(bytes: Uint8Array): Uint8Array;
  /**
   * What closes the stream. Half an event of a cut stream is left out.
   * @param counted told to a client of another wire where the provider said nothing of its usage.
   */
  end(counted?: TokenUsage): Uint8Array;
}

/** What a provider's refusal or fault means for us. */
export interface ProviderError {
  /** Fit for the customer: no key, no control characters, at most 1,000 characters. */
  readonly message: string;
  /** In the provider's words, or `unknown`. */
  readonly code: string;
  /** HTTP status, or the one that the error event stands for. */
  readonly status: number;
  /** The account behind the key is out of money: waiting does not help, retrying is forbidden. */
  readonly isSpendLimit: boolean;
  /** Prompt and answer do not fit into the model. */
  readonly isContextLength: boolean;
  /** The provider does not know the model. */
  readonly isModelMissing: boolean;
  /** The provider does not accept the key. */
  readonly isKeyRefused: boolean;
  /** The same request may succeed later, here or elsewhere. */
  readonly isRetryable: boolean;
}
