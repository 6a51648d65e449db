/** What a route says of its own rates. */

/** Whom a rate counts: the address (an IPv6 one by its /64), the person, the key, or the organisation. */
export type Per = 'ip' | 'person' | 'key' | 'organisation';

/** A rate beside the general ones. Routes that name the same one share its count, and declare it alike. */
export interface RouteLimit {
  /** Shown to callers and set by operators: `sign-in`. */
  readonly name: string;
  /** Who is not one is not counted: a key is no person. */
  readonly per: Per;
  readonly max: number;
  readonly windowSeconds: number;
  /** While the shared store fails: `open` leaves every process the whole of it, `closed` a quarter, where guessing must gain nothing. Default `open`. */
  readonly onStoreFailure?: 'open' | 'closed';
}
