/** How long a sender may take, so that a slow one holds nothing that others need. */
import type { FastifyInstance } from 'fastify';
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';

export interface Patience {
  /** From the connection to the last header. */
  readonly headersMs: number;
  /** From the headers to the last byte of a body that is held in memory; files have the time of the whole request. */
  readonly bodyMs: number;
  /** From the connection to the last byte of a file. */
  readonly requestMs: number;
}

/** 16 MiB, the largest body of all, in half a minute is 4.5 Mbit/s; a 256 MiB file at 1 MB/s takes four minutes. */
export const PATIENCE: Patience = { headersMs: 10_000, bodyMs: 30_000, requestMs: 300_000 };

/** Answers 408 to a body that does not come, and closes the connection. `isUpload`: by the address of its route. */
export function boundBodies(app: FastifyInstance, bodyMs: number, isUpload: (url: string) => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    const { raw } = request;
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const hasBody = encoding !== undefined || (length !== undefined && length !== '0');
    if (!hasBody || isUpload(request.routeOptions.url ?? '')) return;
    const timer = setTimeout(() => {
      if (!raw.complete && !reply.sent)
        reply.header('connection', 'close').send(new GuildhallError(httpErrors.timeout));
    }, bodyMs);
    const stop = (): void => clearTimeout(timer);
    raw.once('end', stop).once('close', stop);
  });
}
