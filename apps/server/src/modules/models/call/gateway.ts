/** The path of every call of a model: read, plan, price, hold, cache, ask, settle, answer. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Metering } from '../../metering/index.ts';
import type { CallBook, CallHold, NewCall } from '../book/index.ts';
import type { TokenCounter } from '../tokens/index.ts';
import type { Attempt, JsonObject } from '../types.ts';
import type { Upstream } from '../upstream/index.ts';
import { type AnswerContext, type RequestFacts, readRequest, toProvider } from '../wire/index.ts';
import { OpenCall } from './call.ts';
import { assertFits, boundsOf, holdFor, refusalOf } from './money.ts';
import { type PlanDeps, type PlannedTarget, plan } from './plan.ts';
import { answerStream } from './stream.ts';
import type { CallAnswer, CallFacts, CallObserver, Incoming } from './types.ts';
import { answerWhole } from './whole.ts';

export interface GatewayDeps extends PlanDeps {
  readonly ids: Ids;
  readonly clock: Clock;
  readonly book: CallBook;
  readonly tokens: TokenCounter;
  readonly upstream: Pick<Upstream, 'ask' | 'stream'>;
  readonly metering: Pick<Metering, 'modelPrice' | 'priceBook'>;
  readonly observer: CallObserver;
}

/** Everything about one request that was settled before a provider is asked. */
export interface Prepared {
  readonly incoming: Incoming;
  readonly body: JsonObject;
  readonly facts: RequestFacts;
  readonly targets: readonly [PlannedTarget, ...PlannedTarget[]];
  readonly mayFallBack: boolean;
  readonly open: OpenCall;
  readonly context: AnswerContext;
  /** The request in the wire of a target. */
  bodyFor(target: PlannedTarget): string;
}

export interface Gateway {
  /**
   * Makes one call. The hold is committed before a provider is asked, the settlement before the answer ends.
   * @throws a refusal before any money is held, or an UpstreamError after the hold was given back.
   */
  call(incoming: Incoming): Promise<CallAnswer>;
}

/** The longest a call may last, attempts and stream together. */
export const CALL_TOTAL_MS = 600_000;
// A settlement is tried for a minute; only after that may the sweeper take the hold back.
const HOLD_LIVES_MS = CALL_TOTAL_MS + 90_000;

async function prepare(deps: GatewayDeps, incoming: Incoming): Promise<Prepared> {
  const startedMs = deps.clock.monotonicMs();
  const { payer, wire, requestId } = incoming;
  const facts = readRequest(wire, incoming.body);
  // readRequest accepts nothing but an object.
  const body = incoming.body as JsonObject;
  const asked = { orgId: payer.orgId, wire, model: facts.model, requestKey: incoming.requestKey };
  const { targets, mayFallBack } = await plan(deps, asked);
  const [first] = targets;
  const prices = await deps.metering.priceBook();
  assertFits(first, facts, await deps.tokens.count(facts.texts));
  const bounds = await Promise.all(targets.map((target) => boundsOf(deps.tokens, target, facts)));
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
    riskNanos: bounds.reduce((most, { providerNanos }) => (providerNanos > most ? providerNanos : most), 0n),
    expiresAt: new Date(deps.clock.now().getTime() + HOLD_LIVES_MS),
  };
  const book = incoming.book ?? deps.book;
  const answer = await book.begin(call, hold);
  if (!answer.ok) throw refusalOf(answer);
  const { texts } = facts;
  const open = new OpenCall(deps, { call, hold, book, prices, targets, bounds, texts, cache: 'off', startedMs });
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

/** What both ways of asking tell the upstream. */
export function upstreamCall({ incoming, targets, mayFallBack, open, bodyFor }: Prepared) {
  const tokens = open.input.bounds[0];
  return {
    targets,
    mayFallBack,
    mayLeaveSpendLimit: true,
    body: bodyFor,
    clientHeaders: incoming.headers ?? {},
    tokens: tokens ? tokens.inputTokensMax + tokens.outputTokensMax : 0,
    signal: incoming.signal,
    limits: { totalMs: CALL_TOTAL_MS },
  };
}

/** What is told of an answer beside it. */
export const factsOf = (
  open: OpenCall,
  reached: { readonly target: PlannedTarget; readonly attempts: readonly Attempt[] },
): CallFacts => ({
  callId: open.input.call.id,
  model: reached.target.model,
  attempts: reached.attempts,
  cache: open.input.cache,
  holdNanos: open.input.hold.amountNanos,
});
