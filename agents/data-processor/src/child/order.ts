/** What the parent tells a child, and what it gets back. All of it is JSON. */
import type { Output, Request } from '../input/request.ts';
import type { Inspection, SourceFile } from '../read/source.ts';
import type { ColumnProfile } from '../report/profile.ts';
import type { Quality } from '../report/quality.ts';
import type { Reject } from '../report/rejects.ts';

export interface InspectOrder {
  readonly sources: readonly SourceFile[];
}

export interface ProcessOrder {
  readonly sources: readonly SourceFile[];
  readonly inspections: readonly Inspection[];
  readonly schema: Request['schema'];
  readonly steps: Request['steps'];
  readonly onError: Request['onError'];
  readonly outputs: readonly Output[];
  readonly rejects: Request['rejects'];
}

// Types, not interfaces, from here: they must fit Json.
export type StepSummary = {
  readonly step: string;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly columnsOut: number;
};

export type SourceSummary = {
  readonly name: string;
  readonly format: string;
  readonly formatBy: string;
  readonly encoding: string | null;
  readonly encodingBy: string | null;
  readonly encodingMixed: boolean;
  readonly delimiter: string | null;
  readonly records: number;
  readonly rejected: number;
  readonly coerced: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
};

export type WrittenFile = {
  readonly name: string;
  readonly format: string;
  readonly mediaType: string;
  readonly bytes: number;
};

export type ProcessResult = {
  readonly rows: number;
  readonly sources: readonly SourceSummary[];
  readonly steps: readonly StepSummary[];
  readonly files: readonly WrittenFile[];
  readonly rejects: {
    readonly rows: number;
    readonly problems: number;
    readonly file: string | null;
    readonly byRule: readonly { readonly rule: string; readonly column: string | null; readonly problems: number }[];
    readonly first: readonly Reject[];
  };
  readonly profile: readonly ColumnProfile[];
  readonly profileFile: string | null;
  readonly quality: Quality;
  /** Milliseconds by phase, for the log. */
  readonly timings: { readonly [phase: string]: number };
  /** The most resident memory that the child had. */
  readonly peakMemoryBytes: number;
  /** Processor time of the child over all cores: unlike the clock it does not depend on what else the machine does. */
  readonly processorMs: number;
};
