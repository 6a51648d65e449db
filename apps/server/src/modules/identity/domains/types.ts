/** The noun of domains. */

/**
 * A name that an organisation says is its own. **Claimed** until its challenge was found in DNS, then **verified** (`verifiedAt` set) and of no
 * other organisation, until it is released.
 */
export interface Domain {
  readonly id: string;
  readonly domain: string;
  /** What the TXT record has to say. */
  readonly challenge: string;
  readonly createdAt: Date;
  readonly verifiedAt: Date | undefined;
}

/** Asks DNS for the TXT records of a name, each of its pieces joined; none for a name that is not there. */
export type ResolveTxt = (name: string) => Promise<readonly string[]>;
