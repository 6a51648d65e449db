/** Forms that browsers post: taken by routes that say so and by no other, since any page can make a browser send one. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';

export const FORM = 'application/x-www-form-urlencoded';

/** @throws 400 `http.duplicate-key`: which of two values counts would be a guess. */
function fieldsOf(text: string): Record<string, string> {
  const fields = [...new URLSearchParams(text)];
  if (new Set(fields.map(([name]) => name)).size < fields.length) throw new GuildhallError(httpErrors.duplicateKey);
  return Object.fromEntries(fields);
}

export function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser(FORM, { parseAs: 'string' }, async (request: FastifyRequest, text: string | Buffer) => {
    if (!request.routeOptions.config.form) throw new GuildhallError(httpErrors.unsupportedMediaType);
    // `parseAs` says that it is one.
    return fieldsOf(text as string);
  });
}
