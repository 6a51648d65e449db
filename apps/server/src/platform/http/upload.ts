/** Takes in a form that is one file. */
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';

/**
 * Hands the form's file to `take`, which must read it to its end, and checks that the form ends whole and holds nothing else.
 * Undefined when its first part is no file in the field `file`; `take` is not called then.
 * @throws 400 for a form that is broken, cut off or holds more; 413 for a file over the limit.
 */
export async function receiveFile<T>(
  request: FastifyRequest,
  take: (part: MultipartFile) => Promise<T>,
): Promise<T | undefined> {
  const parts = openForm(request);
  const first = await next(parts);
  if (first?.type !== 'file' || first.fieldname !== 'file') return undefined;
  let broken: unknown;
  first.file.on('error', (error: Error) => {
    broken = error;
  });
  const taken = await take(first).catch((error: unknown) => {
    throw broken !== undefined && !(error instanceof GuildhallError) ? malformed(error) : error;
  });
  // A file over the limit, and any further part, shows only here.
  if (await next(parts)) throw malformed(undefined);
  return taken;
}

type Part = Awaited<ReturnType<ReturnType<FastifyRequest['parts']>['next']>>['value'];

function openForm(request: FastifyRequest): AsyncIterator<Part> {
  try {
    return request.parts();
  } catch (error) {
    throw asRefusal(error);
  }
}

async function next(parts: AsyncIterator<Part>): Promise<Part | undefined> {
  try {
    const step = await parts.next();
    return step.done ? undefined : step.value;
  } catch (error) {
    throw asRefusal(error);
  }
}

const malformed = (cause: unknown): GuildhallError => new GuildhallError(httpErrors.malformedForm, { cause });

/** Errors with a code are translated where all of the framework's are; the parser's own have none. */
const asRefusal = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error : malformed(error);
