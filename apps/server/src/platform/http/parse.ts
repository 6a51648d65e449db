/** Zod at the edge: all faults at once, as JSON Pointers. */
import type { z } from 'zod';
import { type FieldError, GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';

const escapePointer = (part: PropertyKey): string => String(part).replaceAll('~', '~0').replaceAll('/', '~1');
export const pointer = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? '/' : path.map((part) => `/${escapePointer(part)}`).join('');

// A body with thousands of faults is answered with the first ones; the reader mends the pattern, not each.
const FAULTS_MAX = 100;

export function fieldErrors(error: z.ZodError, prefix: readonly PropertyKey[] = []): FieldError[] {
  return error.issues.slice(0, FAULTS_MAX).flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: pointer([...path, key]), message: 'is not known here' }));
    return [{ path: pointer(path), message: issue.message }];
  });
}

/** @throws 422 `http.invalid-request` naming every fault. */
export function parse<T extends z.ZodType>(schema: T, value: unknown, where: 'body' | 'query' | 'path'): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = fieldErrors(result.error);
  const first = errors[0];
  throw new GuildhallError(httpErrors.invalidRequest, {
    detail: `The ${where} has ${errors.length} fault${errors.length === 1 ? '' : 's'}${first ? `; the first: ${first.path} ${first.message}.` : '.'}`,
    errors,
  });
}
