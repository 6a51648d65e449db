/** The vocabulary of an agent: its definition, the context a run gets, steps, files, sandboxed work. */
import type { LanguageModelV4 } from '@ai-sdk/provider';
import type { z } from 'zod';

/** Anything that survives a checkpoint unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface AgentExample<Input> {
  readonly title: string;
  readonly input: Input;
}

export interface AgentLimits {
  /** Wall time of a whole run without the time it waits for people, timers and children. */
  readonly timeoutMs: number;
  readonly stepsMax: number;
  /** Prompts and answers of all models together. A call that may go beyond it ends the run as `runs.too-many-tokens`. Left out: no limit. */
  readonly tokensMax?: number;
}

/** A model of the Vercel AI SDK, for its `generateText`, `streamText` and the like. */
export type LanguageModel = LanguageModelV4;

/**
 * The most that all calls of models in one run take together. The hold of a run covers it; a call beyond it ends the run as
 * `budget.max-cost-reached`. What a call may take is decided before it is made, from the length of its prompt and its `maxOutputTokens`, so
 * leave room, and name a `maxOutputTokens` in each call: without one it counts as the most that the tier allows.
 */
export interface PlannedModelUse {
  /** As OpenAI's models count: about one for four letters of English. Frames of messages and tools come on top, some 30 a call, with tools 1,000. */
  readonly inputTokensMax: number;
  readonly outputTokensMax: number;
  /** The dearest model that `ctx.model` is asked for by name; left out: those of the run's tier. */
  readonly model?: string;
}

export interface ModelOptions {
  /** Such as `openai/gpt-5-mini`; left out: the tier of the run decides. */
  readonly model?: string;
}

/**
 * An agent that this one may call, at most that many times. The hold of a run covers all of them and what they call in turn, so an agent
 * that calls others itself needs an `input` or a `maxNanos` here. A call that fits no plan ends the run as `budget.max-cost-reached`.
 */
export interface PlannedCall {
  readonly agent: string;
  readonly tier?: string;
  readonly timesMax: number;
  /** The input of the call, where it is known before the run. Its faults are then told before the run, too. */
  readonly input?: Json;
  /** The most one call may cost; at least the base price of the agent. Give the same to the call. */
  readonly maxNanos?: bigint;
  /** JSON Pointer to what asks for the call, within this agent's input; a refusal names it with `/agent`, `/tier`, `/input` or `/maxCost`. */
  readonly at?: string;
}

export interface AgentDefinition<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  /** kebab-case, stable for ever. */
  readonly id: string;
  readonly version: string;
  readonly title: string;
  /** One sentence for a list. */
  readonly summary: string;
  /** A few paragraphs of Markdown. */
  readonly description: string;
  readonly category: string;
  readonly needsModel: boolean;
  readonly input: I;
  readonly output: O;
  readonly examples: readonly AgentExample<z.input<I>>[];
  readonly limits: AgentLimits;
  /** Checks beyond the schema (a cycle in a graph, a reference to nothing). Pure; returns every fault found. Refused with 422 before any money is held. */
  validate?(input: z.output<I>): readonly FieldError[];
  /** Which agents a run with this input may call. Pure. Left out: none. */
  plannedCalls?(input: z.output<I>): readonly PlannedCall[];
  /** What a run with this input asks of models. Pure. Left out: nothing, and `ctx.model` is refused. */
  plannedModelUse?(input: z.output<I>): PlannedModelUse;
  /**
   * The work. Must call the same steps in the same order for the same input and the same step results, because after a crash it is
   * called again from its start and finished steps answer from the record. Everything that is not such a function of its input
   * (time, randomness, files, network, heavy computing) belongs inside a step. The output must be JSON of at most 1 MiB, or the run fails
   * as `runs.output-too-large`; what is larger is kept as an artifact.
   */
  run(ctx: RunContext, input: z.output<I>): Promise<z.input<O>>;
}

/** `none`: no trace outside. `idempotent`: may be repeated with the same effect. `once`: must never be repeated; if its outcome is unknown after a crash the run waits for a review. */
export type StepEffect = 'none' | 'idempotent' | 'once';

export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attemptsMax: number;
  readonly firstDelayMs: number;
  readonly delayMaxMs: number;
}

export interface StepOptions {
  /** Default `none`. */
  readonly effect?: StepEffect;
  /** Default: one attempt. Only AgentErrors marked `retryable` and faults of the platform are tried again. */
  readonly retry?: RetryPolicy;
  readonly timeoutMs?: number;
  /** Shown to people: what kind of work this is (`transform`, `http`, `agent` …). */
  readonly kind?: string;
}

export interface FileRef {
  readonly file: string;
}

export interface RunFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
  /** An absolute path to a read-only copy that stays valid until the run ends on this worker. */
  readonly path: string;
}

export interface Artifact {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
}

export interface NewArtifact {
  readonly name: string;
  readonly mediaType: string;
  /** Either the bytes, or the path of a file inside the step's `workdir`. */
  readonly content: Uint8Array | { readonly path: string };
}

/** What a step may use. Writes made through it commit together with the step's result, or not at all. */
export interface StepScope {
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted on cancel, on timeout, and when this worker lost the run. */
  readonly signal: AbortSignal;
  /** Stable over all attempts of this step: pass it to services that de-duplicate. */
  readonly idempotencyKey: string;
  /** The time now. Return it with the result: outside a step a resumed run would see another time. */
  now(): Date;
  /** A private scratch folder; emptied after the step. */
  readonly workdir: string;
  /** Keeps a result file with the run; it is committed with the step. */
  artifact(input: NewArtifact): Promise<Artifact>;
  /** Shows progress; at most a few times a second reach the reader. `total` may be unknown. */
  progress(done: number, total?: number, note?: string): void;
  log(level: 'info' | 'warn' | 'error', message: string, data?: Json): void;
  /** Runs heavy or untrusted work in a child process with limits. */
  sandbox<Output extends Json>(work: SandboxWork): Promise<Output>;
  /** The one guarded way out to the network: public addresses only, bounded in time and size. */
  fetch(url: string, init?: StepFetchInit): Promise<StepFetchResponse>;
}

export interface StepFetchInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly bytesMax?: number;
}

export interface StepFetchResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface SandboxWork {
  /** A module whose code was made by `sandboxEntry`, as `new URL('./child.ts', import.meta.url)`. */
  readonly entry: URL;
  readonly input: Json;
  /** Absolute paths the child may read besides its own code. */
  readonly readPaths?: readonly string[];
  /** The one folder the child may write (usually the step's `workdir`). */
  readonly writeDir: string;
  readonly limits: SandboxLimits;
}

export interface SandboxLimits {
  readonly wallMs: number;
  /** Resident memory of the child; past it the child is killed. */
  readonly memoryMaxBytes: number;
  /** Bytes the child may return as its result (default 8 MiB). */
  readonly outputMaxBytes?: number;
}

export interface CallOptions {
  readonly tier?: string;
  /** Names the call; a second call of the same name in one run gets a number. */
  readonly name?: string;
  /** The called run stops when it has cost this. Left out: its own maximum. */
  readonly maxNanos?: bigint;
}

/** How a called run ended. A failed call costs nothing and does not throw: the caller decides. */
export interface CallResult {
  readonly runId: string;
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly output: Json;
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly costNanos: string;
}

export interface ApprovalRequest {
  readonly title: string;
  readonly details?: Json;
  /** Default 30 days; then the answer is `expired`. */
  readonly timeoutMs?: number;
}

export interface ApprovalResult {
  readonly decision: 'approve' | 'reject' | 'expired';
  readonly comment: string | null;
}

/** Rows the platform keeps about the caller's own organisation, for reports. */
export interface UsageQuery {
  readonly groupBy: 'agent' | 'key' | 'day' | 'tier' | 'model' | 'member';
  /** Inclusive, ISO 8601. */
  readonly from?: string;
  /** Exclusive, ISO 8601. */
  readonly to?: string;
}

export interface UsageRow {
  readonly key: string;
  readonly runs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: string;
}

export interface RunContext {
  readonly runId: string;
  readonly mode: 'live' | 'test';
  readonly signal: AbortSignal;
  /** When the run was made: the same on every attempt, so safe to compute with. */
  readonly createdAt: Date;
  /**
   * Does `work` once and remembers its result: after a crash the remembered result is returned and `work` is not called again.
   * Steps may run side by side (`Promise.all`); give those distinct names. The result must be JSON and at most 1 MiB.
   */
  step<T extends Json>(name: string, work: (step: StepScope) => Promise<T>, options?: StepOptions): Promise<T>;
  /** The files that the caller named in the input. */
  file(ref: FileRef): Promise<RunFile>;
  /** Runs another agent for the same organisation; its cost is drawn from this run's hold, and waiting for it occupies no slot. */
  call(agent: string, input: Json, options?: CallOptions): Promise<CallResult>;
  /**
   * A model for the Vercel AI SDK. Each request to it is a step `model <purpose>`: paid from this run's hold, remembered with its usage, and
   * after a crash answered from the record. Requests side by side need purposes of their own. What a provider cannot do is an AgentError
   * `model-…`, which needs no retries of the SDK: the platform has tried what there is. What the run cannot pay ends it.
   */
  model(purpose: string, options?: ModelOptions): LanguageModel;
  /** Waits for a person, over restarts, without occupying a slot. */
  approve(name: string, request: ApprovalRequest): Promise<ApprovalResult>;
  /** Waits over restarts, without occupying a slot. */
  sleep(name: string, durationMs: number): Promise<void>;
  /** The organisation's own usage, recorded as a step. */
  usage(name: string, query: UsageQuery): Promise<readonly UsageRow[]>;
}
