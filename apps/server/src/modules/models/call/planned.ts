/** A request before money is held for it: what it asks, who may answer, and what that may cost. */

import type { PriceBook } from '../../metering/index.ts';
import type { NewCall } from '../book/index.ts';
import type { VectorSlot } from '../cache/index.ts';
import type { JsonObject } from '../types.ts';
import { type RequestFacts, readRequest, toProvider } from '../wire/index.ts';
import type { GatewayDeps } from './deps.ts';
import { assertFits, assertSold, type Bounds, boundsOf } from './money.ts';
import { type Plan, type PlannedTarget, plan } from './plan.ts';
import type { Incoming } from './types.ts';

/** What is asked, and of whom. */
export interface Asked extends Plan {
  readonly incoming: Incoming;
  readonly body: JsonObject;
  readonly facts: RequestFacts;
  readonly startedMs: number;
}

/** The same with its prices. */
export interface Priced extends Asked {
  readonly prices: PriceBook;
  /** For each target. */
  readonly bounds: readonly Bounds[];
  /** The request in the wire of a target. */
  bodyFor(target: PlannedTarget): string;
}

/** @throws whatever is wrong with the request or its model. */
export async function ask(deps: GatewayDeps, incoming: Incoming): Promise<Asked> {
  const startedMs = deps.clock.monotonicMs();
  const { payer, wire, terms, requestKey } = incoming;
  const facts = readRequest(wire, incoming.body);
  // readRequest accepts nothing but an object.
  const body = incoming.body as JsonObject;
  const asked = { orgId: payer.orgId, wire, model: facts.model, requestKey, channels: terms?.channels };
  const planned = await plan(deps, asked);
  for (const target of planned.targets) assertSold(target, facts);
  return { ...planned, incoming, body, facts, startedMs };
}

/** The request for those inputs alone whose vectors are not known. */
export function narrowed(asked: Asked, { missing }: VectorSlot): Asked {
  const { facts, body } = asked;
  const inputs = facts.embeddings ?? [];
  if (missing.length === inputs.length) return asked;
  const sent = { ...body, input: missing.map((index) => inputs[index] ?? '') };
  return { ...asked, body: sent, facts: readRequest('embeddings', sent) };
}

/** @throws `models.context-exceeded`, or what of the request cannot be said to the provider. */
export async function price(deps: GatewayDeps, asked: Asked): Promise<Priced> {
  const { targets, facts, body, incoming } = asked;
  const [first] = targets;
  const prices = await deps.metering.priceBook();
  assertFits(first, facts, await deps.tokens.count(facts.texts));
  const bounds = await Promise.all(targets.map((target) => boundsOf(deps.tokens, target, facts, incoming.terms)));
  const bodies = new Map<PlannedTarget, string>();
  const bodyFor = (target: PlannedTarget): string => {
    const known = bodies.get(target);
    if (known !== undefined) return known;
    const outputMax = bounds[targets.indexOf(target)]?.imposedOutputMax;
    const wanted = { model: target.name, outputMax, kind: target.kind };
    const made = JSON.stringify(toProvider(incoming.wire, target.wire, body, wanted));
    bodies.set(target, made);
    return made;
  };
  return { ...asked, prices, bounds, bodyFor };
}

export const newCall = (
  deps: GatewayDeps,
  { incoming, targets: [first], facts }: Asked,
  prices: PriceBook,
): NewCall => ({
  id: deps.ids.make('mcl'),
  payer: incoming.payer,
  requestId: incoming.requestId,
  wire: incoming.wire,
  requested: facts.model,
  model: first.model,
  ownKey: first.ownKey,
  streamed: facts.stream,
  priceId: first.price?.id,
  priceVersion: prices.version,
});
