/** The nouns of a run and the moves its status may make. */
import type { Mode, RunStatus } from '@guildhall/contract';

export type WaitingFor = 'approval' | 'review' | 'timer' | 'child' | 'input';
export type TerminalStatus = 'succeeded' | 'failed' | 'cancelled';

/** A failure as it is kept with a run or step: the public members of a problem. */
export interface StoredProblem {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

export interface RunRow {
  readonly id: string;
  readonly org_id: string;
  readonly key_id: string;
  readonly member_id: string | null;
  readonly agent_id: string;
  readonly agent_version: string;
  readonly status: RunStatus;
  readonly waiting_for: WaitingFor | null;
  readonly tier: string;
  readonly mode: Mode;
  readonly input: unknown;
  readonly output: unknown;
  readonly error: StoredProblem | null;
  readonly input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly step_count: number;
  readonly price_version: number;
  readonly base_nanos: bigint;
  readonly estimate_nanos: bigint;
  readonly hold_id: string | null;
  readonly hold_nanos: bigint;
  readonly cost_nanos: bigint;
  readonly called_nanos: bigint;
  readonly parent_run_id: string | null;
  readonly root_run_id: string;
  readonly parent_step: string | null;
  readonly replay_of: string | null;
  readonly replay_from_step: number | null;
  readonly metadata: Record<string, string>;
  readonly request_id: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly artifact_count: number;
  readonly event_seq: number;
  readonly fence: bigint;
  readonly active_ms: bigint;
}

export type StepEffect = 'none' | 'idempotent' | 'once';

export interface StepRow {
  readonly index: number;
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly effect: StepEffect;
  readonly status: 'running' | 'succeeded' | 'failed';
  readonly attempt: number;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly result: unknown;
  readonly error: (StoredProblem & { readonly retryable?: boolean }) | null;
  readonly cost_nanos: bigint;
  readonly input_tokens: bigint;
  readonly output_tokens: bigint;
}

export interface ArtifactRow {
  readonly id: string;
  readonly org_id: string;
  readonly run_id: string;
  readonly step_index: number;
  readonly name: string;
  readonly media_type: string;
  readonly size: bigint;
  readonly sha256: string;
}

export interface FileRow {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  readonly size: bigint;
  readonly sha256: string;
  readonly created_at: Date;
}

export interface EventRow {
  readonly run_id: string;
  readonly seq: number;
  readonly type: string;
  readonly at: Date;
  readonly data: unknown;
}

export interface ApprovalRow {
  readonly id: string;
  readonly run_id: string;
  readonly step_key: string;
  readonly kind: 'approval' | 'review';
  readonly decision: 'approve' | 'reject' | 'expired' | null;
  readonly comment: string | null;
  readonly expires_at: Date;
}

/** An event before it has a place in the order. */
export interface NewEvent {
  readonly type: 'status' | 'step' | 'token' | 'artifact' | 'cost' | 'log' | 'approval';
  readonly data: unknown;
}

const TERMINAL: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);
export const isTerminal = (status: string): status is TerminalStatus => TERMINAL.has(status);
