/** An installation whose address begins with https answers nobody in clear. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';
import type { Arrivals } from './proxies.ts';
import type { RouteDefinition } from './types.ts';

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** The command line and probes on this machine: nothing lies between them and the server. */
const isOfThisMachine = ({ raw }: FastifyRequest): boolean =>
  LOOPBACK.test(raw.socket.remoteAddress ?? '') && raw.headers['x-forwarded-for'] === undefined;

/**
 * Pages lead to their address with https, everything else is refused, for a key that was sent in clear should be noticed. Probes of balancers
 * pass: they carry nothing.
 */
export function requireHttps(
  app: FastifyInstance,
  {
    publicUrl,
    arrivals,
    routes,
  }: {
    readonly publicUrl: string | undefined;
    readonly arrivals: Arrivals;
    readonly routes: readonly RouteDefinition[];
  },
): void {
  if (!publicUrl?.startsWith('https://')) return;
  const pathsOf = (tag: string): ReadonlySet<string> =>
    new Set(routes.filter((route) => route.tag === tag && route.method === 'GET').map(({ path }) => path));
  const [pages, probes] = [pathsOf('Pages'), pathsOf('Health')];
  app.addHook('onRequest', async (request, reply) => {
    if (arrivals.isSecure(request.raw) || isOfThisMachine(request)) return;
    const path = request.routeOptions.url ?? '';
    if (probes.has(path)) return;
    // Behind the host, so whatever stands in the address stays a path of ours.
    if (pages.has(path)) return reply.redirect(`${publicUrl}${request.url.startsWith('/') ? request.url : '/'}`, 308);
    throw new GuildhallError(httpErrors.httpsRequired);
  });
}
