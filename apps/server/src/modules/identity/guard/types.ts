/** What the guard stands on. */
import type { Links } from '../people/links.ts';
import type { IdentityDeps } from '../types.ts';

export interface GuardDeps extends IdentityDeps {
  readonly links: Links;
}
