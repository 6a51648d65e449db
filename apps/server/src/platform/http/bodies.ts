/** Reads bodies: JSON and forms, whole and unambiguous. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';
import { acceptForms } from './form.ts';
import { assertKeysOnce } from './repeated-keys.ts';

// Bodies as they were sent, of routes that check signatures.
const asSent = new WeakMap<FastifyRequest, Buffer>();

/** The body as it was sent, on routes that keep it. */
export const bytesOf = (request: FastifyRequest): Buffer | undefined => asSent.get(request);

// One that is fatal keeps nothing from text to text.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws 400 `http.malformed-json` for bytes that are no UTF-8; else they would be replaced, and nobody would know. */
function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new GuildhallError(httpErrors.malformedJson, { detail: 'It holds bytes that are no UTF-8.', cause });
  }
}

const JSON_TYPES = ['application/json', 'application/scim+json'];

/** JSON as ever, but each key once, and a missing body is no body: clients set the content type of a DELETE too. */
export function setBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  acceptForms(app);
  app.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, (request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    // `parseAs` says that it is a buffer.
    if (request.routeOptions.config.keepsBytes) asSent.set(request, bytes as Buffer);
    let json: string;
    try {
      // `parseAs` says that it is a buffer.
      json = textOf(bytes as Buffer);
    } catch (refusal) {
      // It throws nothing else.
      return done(refusal as GuildhallError);
    }
    void parseJson(request, json, (error, value) => {
      if (error) return done(error);
      try {
        assertKeysOnce(json, value);
      } catch (refusal) {
        // It throws nothing else.
        return done(refusal as GuildhallError);
      }
      return done(null, value);
    });
  });
}
