/** What the child is asked, and what it answers. Both cross a process border as JSON. */
import type { ReportFormat, ReportInput } from '../input/schema.ts';
import type { Figure, Finding, SourceSummary } from '../report/model.ts';
import type { ReadySource } from '../sources/load.ts';

export interface Order {
  readonly input: ReportInput;
  readonly sources: readonly ReadySource[];
  readonly logoPath: string | null;
  readonly createdAt: string;
  /** `check` computes everything and renders every text, but writes no file. */
  readonly task: 'check' | ReportFormat;
}

/** The facts that fit into an answer; charts and tables are in the files. */
export interface Checked {
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly findings: readonly Finding[];
  readonly sources: readonly SourceSummary[];
  readonly notes: readonly string[];
  readonly charts: number;
  readonly tables: number;
  /** SHA-256 over all facts: every file of a run must be made from the same. */
  readonly factsSha256: string;
}

export interface Rendered {
  readonly file: string;
  readonly factsSha256: string;
}
