import type { ErrorCode } from '../../../platform/errors/index.ts';
import { callErrors } from '../errors.ts';
import { upstreamErrors } from '../upstream/index.ts';
import { wireErrors } from '../wire/index.ts';

/** What a stable code that stands in the history of a call means. */
export function modelError(code: string | undefined): ErrorCode | undefined {
  const all: readonly ErrorCode[] = [callErrors, upstreamErrors, wireErrors].flatMap((errors) => Object.values(errors));
  return all.find((spec) => spec.code === code);
}
