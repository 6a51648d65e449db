/** The most a run may cost with everything it may call, at any depth: decided before money moves. Pure. */
import type { AgentDefinition, FieldError, PlannedCall, PlannedModelUse } from '@guildhall/agent-sdk';

/** What a plan is made from. */
export interface Offer {
  find(agent: string): AgentDefinition | undefined;
  /** The input as the agent will get it, or its faults, each placed at or below `/input`. */
  read(
    agent: AgentDefinition,
    input: unknown,
  ): { readonly input: unknown } | { readonly faults: readonly FieldError[] };
  /** The price of one run by itself, without models; undefined for a tier that is not sold. */
  priceOf(agent: string, tier: string): bigint | undefined;
  /** The most that the models of one run cost beyond that. */
  modelPriceOf(tier: string, use: PlannedModelUse): bigint;
}

export interface PlannedRun {
  readonly agent: AgentDefinition;
  /** As `Offer.read` gave it. */
  readonly input: unknown;
  readonly tier: string;
  /** How many runs called one another above this one. */
  readonly depth: number;
}

/** Runs above a called one, at most. People nest two or three; only a circle comes here. */
export const CALL_DEPTH_MAX = 8;
// Calls looked at for one plan: a workflow of the largest size makes 1,200 by itself.
const CALLS_MAX = 5_000;
// Enough to correct an input by, as for the faults of an input itself.
const FAULTS_MAX = 100;

/** Where in the request a thing below the input of the run in question stands. */
type Place = (below: string) => string;

/** The maximum; it means nothing where there are faults, each of which stands at its place in the body of a start. */
export function planCost(offer: Offer, run: PlannedRun): { maximumNanos: bigint; faults: readonly FieldError[] } {
  const planner = new Planner(offer);
  const maximumNanos = planner.ofRun(run, (below) => `/input${below}`);
  return { maximumNanos, faults: planner.faults.slice(0, FAULTS_MAX) };
}

class Planner {
  readonly faults: FieldError[] = [];
  readonly #offer: Offer;
  #calls = 0;

  constructor(offer: Offer) {
    this.#offer = offer;
  }

  ofRun(run: PlannedRun, place: Place): bigint {
    const { agent, input, tier, depth } = run;
    if (depth > CALL_DEPTH_MAX)
      return this.#fault(place(''), `runs call one another more than ${CALL_DEPTH_MAX} deep; does one call itself?`);
    // The agent's own schema gave this input.
    const calls = agent.plannedCalls?.(input as never).filter((call) => call.timesMax > 0) ?? [];
    this.#calls += calls.length;
    if (this.#calls > CALLS_MAX) return this.#fault(place(''), `more than ${CALLS_MAX} calls are planned`);
    const base = this.#offer.priceOf(agent.id, tier) ?? 0n;
    const use = agent.plannedModelUse?.(input as never);
    const own = use === undefined ? base : base + this.#offer.modelPriceOf(tier, use);
    return calls.reduce((sum, call) => sum + this.#ofCall(run, call, place) * BigInt(call.timesMax), own);
  }

  /** Of one call: what is known of it, or what its caller allows; the lesser where there is both. */
  #ofCall(caller: PlannedRun, call: PlannedCall, place: Place): bigint {
    const { at, maxNanos } = call;
    const member: Place = (below) => place(at === undefined ? '' : `${at}${below}`);
    const agent = this.#offer.find(call.agent);
    if (!agent) return this.#fault(member('/agent'), `there is no agent "${call.agent}"`);
    const tier = call.tier ?? caller.tier;
    const base = this.#offer.priceOf(agent.id, tier);
    if (base === undefined) return this.#fault(member('/tier'), `there is no tier "${tier}"`);
    if (maxNanos !== undefined && maxNanos < base)
      return this.#fault(member('/maxCost'), `is below the base price of "${agent.id}", ${base} nanos`);
    const isFixed = agent.plannedCalls === undefined && agent.plannedModelUse === undefined;
    const known = isFixed ? base : this.#ofInput(caller, call, agent, member);
    if (known !== undefined) return maxNanos !== undefined && maxNanos < known ? maxNanos : known;
    if (maxNanos !== undefined) return maxNanos;
    const what = agent.plannedCalls === undefined ? 'models' : 'other agents';
    const message = `"${agent.id}" calls ${what}, and its input is not known before the run: say what it may cost at most`;
    return this.#fault(member('/maxCost'), message);
  }

  /** Of a called agent that calls others or models itself; undefined where its input is not known yet. */
  #ofInput(caller: PlannedRun, call: PlannedCall, agent: AgentDefinition, member: Place): bigint | undefined {
    if (call.input === undefined) return undefined;
    const read = this.#offer.read(agent, call.input);
    if ('faults' in read) {
      this.faults.push(...read.faults.map(({ path, message }) => ({ path: member(path), message })));
      return 0n;
    }
    const run = { agent, input: read.input, tier: call.tier ?? caller.tier, depth: caller.depth + 1 };
    return this.ofRun(run, (below) => member(`/input${below}`));
  }

  #fault(path: string, message: string): bigint {
    this.faults.push({ path, message });
    return 0n;
  }
}
