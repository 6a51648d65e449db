/** Another provider's sealed thought inside `encrypted_content`, so that clients of Responses send it back. */
import { listAt, objectAt, parseObject } from '../../json.ts';
import type { JsonObject } from '../../types.ts';

const MARK = 'details:';

export const sealed = (details: readonly JsonObject[]): string | undefined =>
  details.length === 0 ? undefined : MARK + Buffer.from(JSON.stringify({ details })).toString('base64url');

/** Empty for what OpenAI itself has encrypted, which nobody else can read. */
export function unsealed(content: unknown): readonly JsonObject[] {
  if (typeof content !== 'string' || !content.startsWith(MARK)) return [];
  const opened = parseObject(Buffer.from(content.slice(MARK.length), 'base64url').toString('utf8'));
  return listAt(opened?.details).map(objectAt);
}
