/** What becomes of open connections when the server stops, so that nobody's patience decides how long that takes. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** The client is told that no further request can come this way; a body that has begun is followed by the end of the connection. */
function endBehind(answer: ServerResponse): void {
  const { socket } = answer;
  if (!answer.headersSent) answer.setHeader('connection', 'close');
  else answer.once('finish', () => socket?.end());
}

/**
 * Node closes connections that rest between two requests. It leaves those that have sent nothing yet, and those on which an answer is under way:
 * after it they would rest until the client lets go, and a request sent meanwhile would be refused that another process could have taken.
 */
export function endConnections(app: FastifyInstance): void {
  const open = new Set<Socket>();
  const underWay = new Set<ServerResponse>();
  app.server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.addHook('onRequest', async (_, { raw }) => {
    underWay.add(raw);
    raw.once('close', () => underWay.delete(raw));
  });
  app.addHook('preClose', async () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    for (const answer of underWay) endBehind(answer);
  });
}
