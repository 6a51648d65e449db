/** What one test run holds while it goes on. */
import type { Passage } from './record.ts';
import type { RunAgentOptions, TestLog, TestProgress, TestSetupError } from './types.ts';

export interface RunState {
  readonly runId: string;
  readonly options: RunAgentOptions;
  readonly folder: string;
  /** Aborted on cancel and when a passage is abandoned by a planned crash. */
  signal: AbortSignal;
  passage: Passage;
  /** Passages begun; 2 after a planned crash. */
  passages: number;
  readonly logs: TestLog[];
  readonly progress: TestProgress[];
  artifactsMade: number;
  sleptMs: number;
  misuse: TestSetupError | undefined;
}
