/** The path of every call of a model: read, plan, look in the caches, price, hold, ask, settle, answer. */
import type { CallHold } from '../book/index.ts';
import type { AnswerSlot } from '../cache/index.ts';
import { OpenCall } from './call.ts';
import type { GatewayDeps } from './deps.ts';
import { answerEmbeddings } from './embeddings.ts';
import { answerKept, answerKnown } from './hits.ts';
import { holdFor, refusalOf, tokensFor } from './money.ts';
import { ask, narrowed, newCall, type Priced, price } from './planned.ts';
import { CALL_TOTAL_MS, type Prepared } from './prepared.ts';
import { answerStream } from './stream.ts';
import type { CallAnswer, CallFacts, Incoming } from './types.ts';
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

/** What the caches said. */
interface Looked {
  readonly slot: AnswerSlot | undefined;
  readonly cache: CallFacts['cache'];
}

/** Takes the hold. */
async function open(deps: GatewayDeps, priced: Priced, { slot, cache }: Looked): Promise<Prepared> {
  const { incoming, body, facts, targets, prices, bounds, startedMs } = priced;
  // Whatever cannot be said to the provider is refused before money is held.
  priced.bodyFor(targets[0]);
  const call = newCall(deps, priced, prices);
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
  const opened = new OpenCall(deps, { call, hold, book, prices, targets, bounds, facts, cache, startedMs });
  const createdAtSeconds = Math.floor(deps.clock.now().getTime() / 1_000);
  return { ...priced, open: opened, slot, context: { id: call.id, createdAtSeconds, request: body } };
}

type Answering = (prepared: Prepared) => Promise<CallAnswer>;

/** Takes the hold, asks, and gives the hold back where there is no answer. */
async function paid(deps: GatewayDeps, priced: Priced, looked: Looked, answer: Answering): Promise<CallAnswer> {
  const prepared = await open(deps, priced, looked);
  try {
    return await answer(prepared);
  } catch (error) {
    await prepared.open.fail(error, priced.incoming.signal.aborted);
    throw error;
  }
}

export function createGateway(deps: GatewayDeps): Gateway {
  const { answers, vectors } = deps.caches;
  return {
    async call(incoming) {
      const asked = await ask(deps, incoming);
      const known = await vectors.look(asked);
      if (known) {
        if (known.missing.length === 0) return answerKnown(deps, asked, known);
        const priced = await price(deps, narrowed(asked, known));
        const looked: Looked = { slot: undefined, cache: known.wasLookedFor ? 'miss' : 'off' };
        return paid(deps, priced, looked, (prepared) => answerEmbeddings(deps, prepared, known));
      }
      const priced = await price(deps, asked);
      const slot = await answers.look({ ...priced, outputMax: priced.bounds[0]?.imposedOutputMax });
      try {
        if (slot?.hit) return await answerKept(deps, priced, { ...slot, hit: slot.hit });
        const looked: Looked = { slot, cache: slot?.wasLookedFor ? 'miss' : 'off' };
        const answer = priced.facts.stream ? answerStream : answerWhole;
        return await paid(deps, priced, looked, (prepared) => answer(deps, prepared));
      } finally {
        slot?.leave();
      }
    },
  };
}
