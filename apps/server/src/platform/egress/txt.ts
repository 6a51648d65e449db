/** Asks name servers what a domain says about itself. No address comes of it, so there is nothing to guard but the time. */
import { Resolver } from 'node:dns/promises';

// A domain whose servers are slow is asked again by whoever asked.
const OPTIONS = { timeout: 3_000, tries: 2 };
const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

/** The TXT records of a name, each of its pieces joined; none for a name that is not there. @throws when the name servers do not answer. */
export async function resolveTxt(name: string): Promise<readonly string[]> {
  try {
    return (await new Resolver(OPTIONS).resolveTxt(name)).map((pieces) => pieces.join(''));
  } catch (error) {
    if (error instanceof Error && 'code' in error && ABSENT.has(String(error.code))) return [];
    throw error;
  }
}
