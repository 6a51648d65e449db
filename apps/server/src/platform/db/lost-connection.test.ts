import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createDb, isConnectionError, sql } from './index.ts';

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const WELCOME = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]);
const GONE = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

test('a server that ends in the moment in which it lets a connection in fails the statement, not the process', async () => {
  const sockets: Socket[] = [];
  // As when the main process dies just then: the welcome and the end arrive together, before anybody could listen for the end.
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([WELCOME, GONE])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `postgres://app:none@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
  const db = createDb({
    appUrl: url,
    systemUrl: url,
    appPoolMax: 1,
    systemPoolMax: 1,
    applicationName: 'test',
    onIdleError: () => {},
  });
  try {
    for (let i = 0; i < 5; i += 1) {
      const error = await db.direct((tx) => sql`select 1`.execute(tx)).catch((thrown: unknown) => thrown);
      expect(isConnectionError(error)).toBe(true);
      await expect.poll(() => sockets.every((socket) => socket.closed)).toBe(true);
    }
    expect(sockets.length).toBeGreaterThanOrEqual(5);
  } finally {
    await db.close();
    server.close();
  }
});
