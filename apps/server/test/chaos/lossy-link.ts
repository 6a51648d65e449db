/**
 * Stands between the platform and PostgreSQL and loses messages. Losing an answer is the most instructive of all faults: the statement
 * takes effect and its caller sees a broken connection, so whoever repeats without an identity does the thing twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** `answer`: the server does it and nobody hears; `question`: the server never hears. */
export type Loss = 'answer' | 'question' | undefined;
export type Rule = (message: string, seen: string) => Loss;

export interface LossyLink {
  /** The same database through the proxy. */
  through(url: string): string;
  /** What to lose of each message to the server; left out, all passes. `seen` is all that this connection said since its last commit. */
  lose(rule?: Rule): void;
  readonly lost: () => number;
  close(): Promise<void>;
}

const PORT = 5432;
// ReadyForQuery: the end of every answer of the server.
const isEnd = (chunk: Buffer): boolean =>
  chunk.length >= 6 && chunk.subarray(-6, -1).toString('latin1') === 'Z\0\0\0\u0005';

/** `url` names a socket folder in its `host` parameter, as those of test servers do. */
export async function startLossyLink(url: string): Promise<LossyLink> {
  const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-proxy-'));
  const target = path.join(new URL(url).searchParams.get('host') ?? '', `.s.PGSQL.${PORT}`);
  let rule: Rule | undefined;
  let lost = 0;
  const sockets = new Set<net.Socket>();

  const server = net.createServer((client) => {
    const upstream = net.connect(target);
    let signedIn = false;
    let losing = false;
    let seen = '';
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
      sockets.delete(upstream);
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (chunk) => {
      const message = chunk.toString('latin1');
      if (signedIn) {
        seen += message;
        const loss = rule?.(message, seen);
        if (loss === 'question') {
          lost += 1;
          end();
          return;
        }
        losing ||= loss === 'answer';
        if (/\0?commit\0/i.test(message)) seen = '';
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!losing) {
        signedIn ||= isEnd(chunk);
        client.write(chunk);
      } else if (isEnd(chunk)) {
        lost += 1;
        end();
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(path.join(folder, `.s.PGSQL.${PORT}`), resolve);
  });
  return {
    through: (direct) => {
      const changed = new URL(direct);
      changed.searchParams.set('host', folder);
      return changed.href;
    },
    lose: (next) => {
      rule = next;
    },
    lost: () => lost,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          rmSync(folder, { recursive: true, force: true });
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
