/** A request as the caches see it. */

import type { PlannedTarget } from '../call/plan.ts';
import type { Incoming } from '../call/types.ts';
import type { JsonObject } from '../types.ts';
import type { RequestFacts } from '../wire/index.ts';
import type { EntryKind, Section } from './types.ts';

export interface Question {
  readonly incoming: Incoming;
  readonly body: JsonObject;
  readonly facts: RequestFacts;
  readonly targets: readonly [PlannedTarget, ...PlannedTarget[]];
}

/** Calls of runs have records of their own; an answer to a key that a request brings is nobody else's. */
export const isCacheable = ({ incoming }: Question): boolean =>
  incoming.book === undefined && incoming.terms === undefined && incoming.requestKey === undefined;

export const sectionOf = ({ incoming }: Question, kind: EntryKind): Section => ({
  orgId: incoming.payer.orgId,
  mode: incoming.payer.mode,
  kind,
});

/** Who would answer: another account or address may answer otherwise under the same name. */
export const answererOf = ({ targets: [first] }: Question): readonly unknown[] => [
  first.model,
  first.wire,
  first.ownKey,
  first.channels.map(({ id, baseUrl }) => `${id} ${baseUrl}`).toSorted(),
];
