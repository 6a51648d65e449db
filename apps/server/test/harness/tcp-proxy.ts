/** Stands between a client and a server, and breaks the line between them in the ways that networks do. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** `open`: passes everything on. `hole`: takes connections, and holds all data back until it opens. `refused`: nobody listens and lines are cut. */
export type Line = 'open' | 'hole' | 'refused';

export interface TcpProxy {
  readonly port: number;
  set(line: Line): Promise<void>;
  close(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let line: Line = 'open';
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(target, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
      sockets.delete(upstream);
    };
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', end).on('close', end);
      from.on('data', (chunk) => to.write(chunk));
      if (line === 'hole') from.pause();
    }
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const unlisten = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const port = await listen(0);
  return {
    port,
    set: async (next) => {
      const before = line;
      line = next;
      for (const socket of sockets) next === 'hole' ? socket.pause() : socket.resume();
      if (next === 'refused' && before !== 'refused') await unlisten();
      if (next !== 'refused' && before === 'refused') await listen(port);
    },
    close: async () => {
      if (line !== 'refused') await unlisten();
    },
  };
}
