/** Where a browser may be sent at the end of a sign-in. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { federationErrors } from './errors.ts';

// One slash, not two and no backslash, which browsers read as a slash; nothing that a parser leaves out.
const PATH = /^\/(?![/\\])[^\\\p{C}\p{Z}]*$/u;

/** The address of a page of ours. @throws 422 `federation.return-to` for anything that leads elsewhere. */
export function ownPage(publicUrl: string, path: string): string {
  const url = PATH.test(path) ? URL.parse(path, publicUrl) : null;
  if (!url || url.origin !== new URL(publicUrl).origin)
    throw new GuildhallError(federationErrors.returnTo, {
      errors: [{ path: '/returnTo', message: 'leads elsewhere' }],
    });
  return url.href;
}
