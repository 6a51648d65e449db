/** The addresses of a name, without letting a slow name server hold up anything else. */
import { lookup, Resolver } from 'node:dns/promises';
import { isLocalName } from './target.ts';
import type { Resolve } from './types.ts';

const TIMEOUT_MS = 3_000;
const TRIES = 2;

/**
 * Public names go to the name servers directly: the system's own look-up would occupy one of four threads that files and hashing share, and
 * a customer may name a host whose server never answers. Local names, which only an operator can open, use the system's look-up with its hosts file.
 * `servers` replaces the name servers of the machine.
 */
export function createResolve(servers?: readonly string[]): Resolve {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers) resolver.setServers(servers);
  return async (hostname) => {
    if (isLocalName(hostname)) return (await lookup(hostname, { all: true })).map(({ address }) => address);
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = [...(v4.status === 'fulfilled' ? v4.value : []), ...(v6.status === 'fulfilled' ? v6.value : [])];
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason;
    return found;
  };
}
