/** An answer that is none. */
import { GuildhallError } from '../../../../platform/errors/index.ts';
import { wireErrors } from '../errors.ts';

export function unreadable(detail: string): never {
  throw new GuildhallError(wireErrors.unreadableAnswer, { detail });
}
