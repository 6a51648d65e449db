/** Where one content of one organisation lies, the same in a directory and in a bucket. */
import { assert } from '../errors/index.ts';

const ORGANISATION = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Path segments below the root. Anything that is not an id and a hash is a bug: neither may ever come from a request unparsed. */
export function segmentsOf(orgId: string, sha256: string): readonly string[] {
  assert(ORGANISATION.test(orgId), 'an organisation id is safe as a path segment');
  assert(SHA256.test(sha256), 'a content is named by its SHA-256');
  // Two levels keep directories small: a million files are about 4,000 per folder.
  return [orgId, sha256.slice(0, 2), sha256];
}
