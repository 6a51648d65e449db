/** The path of every call of a model: read, plan, price, hold, ask, settle, answer. */
import type { CallHold, NewCall } from '../book/index.ts';
import type { JsonObject } from '../types.ts';
import { readRequest, toProvider } from '../wire/index.ts';
import { OpenCall } from './call.ts';
import type { GatewayDeps } from './deps.ts';
import { assertFits, assertSold, boundsOf, holdFor, refusalOf, tokensFor } from './money.ts';
import { type PlannedTarget, plan } from './plan.ts';
import { CALL_TOTAL_MS, type Prepared } from './prepared.ts';
import { answerStream } from './stream.ts';
import type { CallAnswer, Incoming } from './types.ts';
import { answerWhole } from './whole.ts';

export interface Gateway {
  /**
   * Makes one call. The hold is committed before a provider is asked, the settlement before the answer ends.
   * @throws a refusal before any money is held, or an UpstreamError after the hold was given back.
   */
  call(incoming: Incoming): Promise<CallAnswer>;
}

// A settlement is tried for a minute; only after that may the sweeper take the hold back.
const HOLD_LIVES_MS = CALL_TOTAL_MS + 90_000;

async function prepare(deps: GatewayDeps, incoming: Incoming): Promise<Prepared> {
  const startedMs = deps.clock.monotonicMs();
  const { payer, wire, requestId, terms } = incoming;
  const facts = readRequest(wire, incoming.body);
  // readRequest accepts nothing but an object.
  const body = incoming.body as JsonObject;
  const asked = {
    orgId: payer.orgId,
    wire,
    model: facts.model,
    requestKey: incoming.requestKey,
    channels: terms?.channels,
  };
  const { targets, mayFallBack } = await plan(deps, asked);
  const [first] = targets;
  for (const target of targets) assertSold(target, facts);
  const prices = await deps.metering.priceBook();
  assertFits(first, facts, await deps.tokens.count(facts.texts));
  const bounds = await Promise.all(targets.map((target) => boundsOf(deps.tokens, target, facts, terms)));
  const bodies = new Map<PlannedTarget, string>();
  const bodyFor = (target: PlannedTarget): string => {
    const known = bodies.get(target);
    if (known !== undefined) return known;
    const outputMax = bounds[targets.indexOf(target)]?.imposedOutputMax;
    const made = JSON.stringify(
      toProvider(wire, target.wire, body, { model: target.name, outputMax, kind: target.kind }),
    );
    bodies.set(target, made);
    return made;
  };
  // Whatever cannot be said to the provider is refused before money is held.
  bodyFor(first);
  const call: NewCall = {
    id: deps.ids.make('mcl'),
    payer,
    requestId,
    wire,
    requested: facts.model,
    model: first.model,
    ownKey: first.ownKey,
    streamed: facts.stream,
    priceId: first.price?.id,
    priceVersion: prices.version,
  };
  const hold: CallHold = {
    holdId: deps.ids.make('hold'),
    amountNanos: holdFor(prices, targets, bounds),
    tokensMax: tokensFor(bounds, facts.n),
    riskNanos: bounds.reduce((most, { providerNanos }) => (providerNanos > most ? providerNanos : most), 0n),
    livesMs: HOLD_LIVES_MS,
  };
  const book = incoming.book ?? deps.book;
  const answer = await book.begin(call, hold);
  if (!answer.ok) throw refusalOf(answer);
  const open = new OpenCall(deps, { call, hold, book, prices, targets, bounds, facts, cache: 'off', startedMs });
  const createdAtSeconds = Math.floor(deps.clock.now().getTime() / 1_000);
  const context = { id: call.id, createdAtSeconds, request: body };
  return { incoming, body, facts, targets, mayFallBack, open, context, bodyFor };
}

export function createGateway(deps: GatewayDeps): Gateway {
  return {
    async call(incoming) {
      const prepared = await prepare(deps, incoming);
      try {
        return await (prepared.facts.stream ? answerStream : answerWhole)(deps, prepared);
      } catch (error) {
        await prepared.open.fail(error, incoming.signal.aborted);
        throw error;
      }
    },
  };
}
