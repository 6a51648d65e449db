/** How many requests are answered at once: in a crowd the important ones go first, and no organisation takes all the room. */
import type { ServerResponse } from 'node:http';
import { GuildhallError } from '../errors/index.ts';
import { RateLimitError } from '../limits/index.ts';
import { httpErrors } from './errors.ts';
import type { RouteDefinition } from './types.ts';

/** Work in bulk. Everything else is sign-in, money, administration or a page, and comes where these do not any more. */
const BULK = new Set(['Agents', 'Files', 'Models', 'Runs']);
const BULK_SHARE = 0.8;
const ORGANISATION_SHARE = 0.5;
const RETRY_SECONDS = 1;

export const isBulk = ({ tag }: Pick<RouteDefinition, 'tag'>): boolean => BULK.has(tag);

/** Held by one request from its first byte to the end of its answer, streams included. */
export interface Place {
  /** @throws 429 where the organisation holds half of all places already. */
  assign(orgId: string): void;
}

export interface Places {
  /** @throws 503 where the process is full, for bulk where only the reserve is left. */
  enter(answer: ServerResponse, isOfBulk: boolean): Place;
}

export function createPlaces(max: number): Places {
  const bulkMax = Math.floor(max * BULK_SHARE);
  const organisationMax = Math.floor(max * ORGANISATION_SHARE);
  const byOrganisation = new Map<string, number>();
  let taken = 0;
  const leave = (orgId: string | undefined): void => {
    taken -= 1;
    const held = orgId === undefined ? undefined : byOrganisation.get(orgId);
    if (orgId === undefined || held === undefined) return;
    if (held > 1) byOrganisation.set(orgId, held - 1);
    else byOrganisation.delete(orgId);
  };
  return {
    enter(answer, isOfBulk) {
      if (taken >= (isOfBulk ? bulkMax : max))
        throw new GuildhallError(httpErrors.overloaded, { members: { retryAfterSeconds: RETRY_SECONDS } });
      let owner: string | undefined;
      taken += 1;
      answer.once('close', () => leave(owner));
      return {
        assign(orgId) {
          const held = byOrganisation.get(orgId) ?? 0;
          if (held >= organisationMax) {
            const standing = { allowed: false, limit: organisationMax, remaining: 0 };
            throw new RateLimitError(
              { ...standing, windowSeconds: RETRY_SECONDS, resetSeconds: RETRY_SECONDS },
              `An organisation may have ${organisationMax} requests under way at once.`,
            );
          }
          owner = orgId;
          byOrganisation.set(orgId, held + 1);
        },
      };
    },
  };
}
