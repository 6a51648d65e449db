/**
 * About the least that a gateway with a hold and a settlement can be: a bare proxy that commits one small row before it asks and one before
 * it answers, and knows nothing else. `node bench/support/floor.ts DATABASE_URL UPSTREAM_URL` prints `{"url"}`, as the mock provider does.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import pg from 'pg';

const [databaseUrl, upstreamUrl = ''] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: databaseUrl });
await pool.query('create table public.floor (id bigint generated always as identity primary key, note text)');
const commit = () =>
  pool.query({
    name: 'note',
    text: 'insert into public.floor (note) values ($1)',
    values: ['a row of an ordinary size'],
  });

const agent = new http.Agent({ keepAlive: true });
const { hostname, port } = new URL(upstreamUrl);

async function ask(request: http.IncomingMessage): Promise<{ status: number; body: Buffer }> {
  const body = await buffer(request);
  await commit();
  const { authorization } = request.headers;
  const headers = { authorization, 'content-type': 'application/json', 'content-length': body.length };
  const asked = http.request({ agent, hostname, port, method: 'POST', path: request.url, headers });
  const answered = once(asked, 'response');
  asked.end(body);
  const [answer] = (await answered) as [http.IncomingMessage];
  return { status: answer.statusCode ?? 502, body: await buffer(answer) };
}

const server = http.createServer((request, response) => {
  ask(request).then(
    async ({ status, body }) => {
      await commit();
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    },
    (error: unknown) => response.writeHead(502).end(String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`);
});
