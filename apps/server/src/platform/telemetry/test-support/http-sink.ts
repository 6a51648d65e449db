/** A server that takes whatever is posted to it: a collector of traces, a tracker of errors. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpSink {
  readonly port: number;
  readonly posted: Posted[];
  /** What it answers from now on. */
  answer(status: number | ((posted: Posted) => number)): void;
  close(): Promise<void>;
}

export async function startHttpSink(): Promise<HttpSink> {
  const posted: Posted[] = [];
  let judge = (_: Posted): number => 200;
  const server = createServer(async (request, response) => {
    const zipped = request.headers['content-encoding'] === 'gzip';
    const body = zipped ? gunzipSync(await bytes(request)).toString() : await text(request);
    const one = { path: request.url ?? '', headers: request.headers, body };
    posted.push(one);
    response.writeHead(judge(one), { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    posted,
    answer: (next) => {
      judge = typeof next === 'number' ? () => next : next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bytes(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
