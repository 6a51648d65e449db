/** Column names as a source gives them, made sure to be usable. */
import { RESERVED_PREFIX } from '../columns.ts';
import { LIMITS } from '../input/request.ts';
import { sourceError } from './fail.ts';
import type { SourceFile } from './source.ts';

const NAME_CHARS_MAX = 256;

/**
 * Trims names and calls nameless columns `column_3`.
 * @throws AgentError when there are too many columns or two have the same name; names that differ only in case are the same.
 */
export function columnNames(found: readonly string[], source: SourceFile): readonly string[] {
  if (found.length > LIMITS.columns) {
    throw sourceError(
      source,
      'too-many-columns',
      `${found.length} columns, where ${LIMITS.columns} are allowed`,
      'Check the delimiter, or split the file.',
    );
  }
  const names = found.map((name, index) => name.trim() || `column_${index + 1}`);
  const first = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    if (name.length > NAME_CHARS_MAX)
      throw sourceError(
        source,
        'column-name',
        `the name of column ${index + 1} has more than ${NAME_CHARS_MAX} characters`,
        'Check that the first row holds the names.',
      );
    if (name.startsWith(RESERVED_PREFIX))
      throw sourceError(
        source,
        'column-name',
        `the column name ${JSON.stringify(name)} begins with ${RESERVED_PREFIX}, which is kept for the processor`,
        'Give other names in "columns".',
      );
    const earlier = first.get(name.toLowerCase());
    if (earlier !== undefined) {
      throw sourceError(
        source,
        'duplicate-columns',
        `columns ${earlier + 1} and ${index + 1} are both called ${JSON.stringify(name)}`,
        'Give each column its own name in "columns".',
      );
    }
    first.set(name.toLowerCase(), index);
  }
  return names;
}
