/** The route for keys that were found in the open. */
import type { KeyObject } from 'node:crypto';
import { leakedKeys, leakVerdicts } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Principal, presentedKey, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { keyErrors } from '../errors.ts';
import { type LeaksDeps, type Reporter, reportLeaks } from './leaks.ts';
import { isSignedBy, SIGNATURE_HEADER } from './scanner.ts';

export interface LeakRouteDeps extends LeaksDeps {
  readonly scanners: readonly KeyObject[];
  readonly authenticate: (presented: string, ip: string) => Promise<Principal>;
}

export function leakRoute(deps: LeakRouteDeps): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/keys/leaked',
    summary:
      'Report API keys that were found in the open: each of ours is revoked at once. For secret scanners, by their signature, and for any key.',
    tag: 'Keys',
    scope: 'public',
    limits: [{ name: 'leaked-keys', per: 'ip', max: 60, windowSeconds: 60 }],
    keepsBytes: true,
    body: leakedKeys,
    responses: { 200: leakVerdicts },
    async handler({ body, bytes, raw, requestId }) {
      const signature = raw.headers[SIGNATURE_HEADER];
      const presented = presentedKey(raw);
      let reporter: Reporter | undefined;
      if (typeof signature === 'string') {
        if (bytes && isSignedBy(deps.scanners, bytes, signature)) reporter = { type: 'scanner', requestId };
      } else if (presented !== undefined)
        reporter = { type: 'key', principal: await deps.authenticate(presented, raw.ip), requestId };
      if (!reporter) throw new GuildhallError(keyErrors.reportUnproven);
      return { status: 200, body: await reportLeaks(deps, body, reporter) };
    },
  });
}
