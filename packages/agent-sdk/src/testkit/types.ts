/** What a test gives the kit and gets back from it. */
import type { LanguageModelV4CallOptions } from '@ai-sdk/provider';
import type {
  AgentDefinition,
  ApprovalRequest,
  ApprovalResult,
  Artifact,
  CallOptions,
  CallResult,
  Json,
  StepEffect,
  StepFetchInit,
  StepFetchResponse,
  UsageQuery,
  UsageRow,
} from '../types.ts';

/** A file a test hands in: a path, bytes, or either with a name and type of its own. */
export type TestFile =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly name?: string; readonly mediaType?: string };

/** One request to a model, as the Vercel AI SDK makes it. */
export interface TestModelCall {
  readonly purpose: string;
  /** As `ctx.model` was asked for it. */
  readonly model: string | undefined;
  readonly prompt: LanguageModelV4CallOptions['prompt'];
  readonly tools: NonNullable<LanguageModelV4CallOptions['tools']>;
  readonly responseFormat: LanguageModelV4CallOptions['responseFormat'] | undefined;
  readonly maxOutputTokens: number | undefined;
}

/** A text, or more: what a structured output or a tool gets. Tokens left out are guessed by length. */
export type TestModelAnswer =
  | string
  | {
      readonly text?: string;
      readonly json?: Json;
      readonly toolCalls?: readonly { readonly name: string; readonly input: Json }[];
      readonly inputTokens?: number;
      readonly outputTokens?: number;
    };

export interface RunAgentOptions {
  /** By the reference used in the input: `{ file: 'file_1' }` finds `files.file_1`. A string is the path of a file. */
  readonly files?: Readonly<Record<string, TestFile>>;
  /** Agents that `ctx.call` may reach; each runs in the kit too. */
  readonly agents?: readonly AgentDefinition[];
  /** Answers `ctx.call` for agents not in `agents`. */
  readonly call?: (agent: string, input: Json, options: CallOptions) => CallResult | Promise<CallResult>;
  readonly approve?: (name: string, request: ApprovalRequest) => ApprovalResult | Promise<ApprovalResult>;
  readonly usage?: (name: string, query: UsageQuery) => readonly UsageRow[] | Promise<readonly UsageRow[]>;
  readonly fetch?: (url: string, init: StepFetchInit) => StepFetchResponse | Promise<StepFetchResponse>;
  /** What models say. Throw an AgentError `model-…` where a provider fails. */
  readonly model?: (call: TestModelCall) => TestModelAnswer | Promise<TestModelAnswer>;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
  readonly mode?: 'live' | 'test';
  readonly createdAt?: Date;
  /**
   * Abandons the run as a crash would once that many steps are finished, then runs it again from the record.
   * `runAgent` throws when the second run asks for other steps than the first.
   */
  readonly crashAfterStep?: number;
}

export type TestStepKind = 'step' | 'call' | 'model' | 'approval' | 'timer' | 'usage';

export interface TestStep {
  /** `name#occurrence`: the nth step of that name in this run. */
  readonly key: string;
  readonly name: string;
  readonly type: TestStepKind;
  /** The `kind` of StepOptions, shown to people. */
  readonly kind: string | undefined;
  readonly effect: StepEffect;
  readonly status: 'succeeded' | 'failed';
  readonly attempts: number;
  /** True where the answer came from the record of the run before the crash. */
  readonly replayed: boolean;
  readonly output: Json;
  readonly error: unknown;
}

export interface TestArtifact extends Artifact {
  readonly step: string;
  /** Where the kit keeps it until the process ends. */
  readonly path: string;
  /** Read from `path` when asked for. */
  readonly bytes: Buffer;
}

export interface TestLog {
  readonly step: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly data: Json | undefined;
}

export interface TestProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly note: string | undefined;
}

export interface AgentRun<Output> {
  /** Undefined when the run failed; then `error` says why. */
  readonly output: Output | undefined;
  /** What the run threw: an AgentError where the agent refused, anything else is a bug of the agent. */
  readonly error: unknown;
  /** In the order in which they were asked for. */
  readonly steps: readonly TestStep[];
  /** Of succeeded steps only, as on the platform. */
  readonly artifacts: readonly TestArtifact[];
  readonly logs: readonly TestLog[];
  readonly progress: readonly TestProgress[];
  /** How long the run slept and backed off on its own clock. */
  readonly sleptMs: number;
}

/** The test itself is wrong: a call, file or answer is missing. Thrown by `runAgent` whatever the agent does with it. */
export class TestSetupError extends Error {
  override readonly name = 'TestSetupError';
}

/** The agent asked for other steps after the crash than before it. */
export class NotDeterministicError extends Error {
  override readonly name = 'NotDeterministicError';
}
