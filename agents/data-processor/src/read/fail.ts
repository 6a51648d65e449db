/** Errors about a source, worded in one place. */
import { AgentError } from '@guildhall/agent-sdk';
import { sentence } from '../sentence.ts';
import type { SourceFile } from './source.ts';

/** An error that names the source in its text and its path. */
export function sourceError(
  source: Pick<SourceFile, 'name' | 'index'>,
  reason: string,
  message: string,
  advice: string,
): AgentError {
  return new AgentError(reason, sentence(`Source ${source.name}: ${message}`), {
    advice,
    errors: [{ path: `/sources/${source.index}`, message }],
  });
}
