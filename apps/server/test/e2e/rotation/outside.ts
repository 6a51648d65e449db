/** The servers outside, each of which checks who calls: while a login is changed it takes two, afterwards the new one alone. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { startFakeS3 } from '../../../src/platform/files/test-support/fake-s3.ts';
import { startSmtpSink } from '../../../src/platform/mail/test-support/smtp-sink.ts';
import { startHttpSink } from '../../../src/platform/telemetry/test-support/http-sink.ts';
import { startRedis } from '../../harness/redis.ts';
import { startFakeSecretsManager } from '../../harness/secret-stores/aws.ts';
import { startFakeVault } from '../../harness/secret-stores/vault.ts';

/** Whom a server lets in, and whom it has seen. */
export class Door {
  readonly accepted = new Set<string>();
  readonly seen = new Map<string, number>();
  refused = 0;
  admit(login: string): boolean {
    this.seen.set(login, (this.seen.get(login) ?? 0) + 1);
    if (!this.accepted.has(login)) this.refused += 1;
    return this.accepted.has(login);
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return portOf(server);
}
function shut(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** A provider of models that speaks as OpenAI and as Anthropic. */
async function startProvider(keyOf: (headers: Record<string, unknown>) => string, answer: object) {
  const door = new Door();
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const isIn = door.admit(keyOf(request.headers));
      response.writeHead(isIn ? 200 : 401, { 'content-type': 'application/json' });
      const models = { data: [{ id: 'gpt-4o-mini' }, { id: 'claude-sonnet-4-5' }] };
      response.end(JSON.stringify(!isIn ? {} : request.url?.includes('/models') ? models : answer));
    });
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, door, close: () => shut(server) };
}

const CHAT = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o-mini',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
};
const MESSAGE = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 5, output_tokens: 1 },
};

/** Leads every tunnel to a receiver of its own, which ends each connection, so that the next call asks for another tunnel. */
async function startEgressProxy() {
  const door = new Door();
  const sockets = new Set<Socket>();
  const receiver = createServer((_, response) => response.setHeader('connection', 'close').end('got it'));
  const port = await listen(receiver);
  const server = createServer().on('connect', (request, socket: Socket) => {
    const [, encoded = ''] = String(request.headers['proxy-authorization']).split(' ');
    if (!door.admit(Buffer.from(encoded, 'base64').toString()))
      return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const onwards = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onwards.pipe(socket).pipe(onwards);
    });
    for (const one of [onwards, socket]) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => sockets.delete(one));
    }
    return undefined;
  });
  const own = await listen(server);
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await Promise.all([shut(server), shut(receiver)]);
  };
  return { url: (login: string) => `http://${login}@127.0.0.1:${own}`, door, close };
}

async function startTracker() {
  const door = new Door();
  const sink = await startHttpSink();
  sink.answer(({ headers }) =>
    door.admit(/sentry_key=([\w-]+)/.exec(String(headers['x-sentry-auth']))?.[1] ?? '') ? 200 : 403,
  );
  return { url: (key: string) => `http://${key}@127.0.0.1:${sink.port}/1`, door, close: () => sink.close() };
}

const USER = 'limits';

async function startRates() {
  const server = await startRedis();
  const owner = new Redis(server.url);
  const allow = (password: string) => owner.call('ACL', 'SETUSER', USER, 'on', `>${password}`, '~*', '+@all');
  const password = randomBytes(24).toString('base64url');
  await allow(password);
  return {
    /** The first one. */
    password,
    url: (password: string) => `redis://${USER}:${password}@127.0.0.1:${server.port}`,
    allow,
    forbid: (password: string) => owner.call('ACL', 'SETUSER', USER, `<${password}`),
    /** The connections that are logged in, by number. */
    connections: async (): Promise<readonly string[]> =>
      String(await owner.client('LIST'))
        .split('\n')
        .filter((line) => line.includes(`user=${USER}`))
        .map((line) => line.split(' ')[0] ?? ''),
    close: async () => {
      owner.disconnect();
      await server.close();
    },
  };
}

const bearerOf = ({ authorization }: Record<string, unknown>): string => String(authorization).replace('Bearer ', '');

export async function startOutside() {
  const [openai, anthropic, proxy, tracker, rates, mail, bucket, vault, aws] = await Promise.all([
    startProvider(bearerOf, CHAT),
    startProvider((headers) => String(headers['x-api-key']), MESSAGE),
    startEgressProxy(),
    startTracker(),
    startRates(),
    startSmtpSink({ password: 'none-yet' }),
    startFakeS3(),
    startFakeVault(),
    startFakeSecretsManager(),
  ]);
  const all = { openai, anthropic, proxy, tracker, rates, mail, bucket, vault, aws };
  return {
    ...all,
    /** What was refused so far, by place. */
    refused: () => ({
      openai: openai.door.refused,
      anthropic: anthropic.door.refused,
      proxy: proxy.door.refused,
      tracker: tracker.door.refused,
      mail: mail.refusedLogins.length,
      bucket: bucket.refused.length,
    }),
    close: () => Promise.all(Object.values(all).map((one) => one.close())),
  };
}

export type Outside = Awaited<ReturnType<typeof startOutside>>;
