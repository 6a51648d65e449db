/** What the guard asks of the world. */
import type { Links } from '../people/links.ts';
import type { IdentityDeps } from '../types.ts';
import type { Place } from './store.ts';

/** Where an address is, as far as somebody knows; undefined where nobody does. */
export type CountryOf = (ip: string) => Place | undefined;

export interface GuardDeps extends IdentityDeps {
  readonly links: Links;
  /** Left out, no address is anywhere, and nothing is said about countries. */
  readonly countryOf?: CountryOf | undefined;
}
