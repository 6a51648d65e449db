/** Staged text as a relation of DuckDB. */
import { type Kind, literal, ROW } from '../columns.ts';
import type { Staged } from '../read/source.ts';
import { JSON_SEPARATOR } from '../read/stage-json.ts';

export interface TextRelation {
  readonly relation: string;
  readonly table?: string;
  readonly names: readonly string[];
  /** What the source itself says about the types of a column. */
  readonly candidates: ReadonlyMap<string, readonly Kind[]>;
}

/** Small buffers keep memory flat; each must hold some of the longest lines. */
const BUFFER_BYTES = 8 * 1024 * 1024;
const LINE_BYTES = 64 * 1024;

export function buffers(staged: Staged): string {
  const line = Math.max(LINE_BYTES, staged.longest + 1024);
  return `max_line_size=${line}, buffer_size=${Math.max(BUFFER_BYTES, 2 * line)}`;
}

/** The staged lines of JSON as `(__row, line)`. */
export function linesRelation(staged: Staged): string {
  return `read_csv(${literal(staged.path)}, auto_detect=false, header=false, delim=${literal(JSON_SEPARATOR)}, quote='', escape='', new_line='\\n', ${buffers(staged)}, columns={'${ROW}': 'BIGINT', 'line': 'VARCHAR'})`;
}
