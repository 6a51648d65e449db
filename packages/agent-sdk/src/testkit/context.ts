/** The run context of the kit: every call goes through the record, as on the platform. */
import { AgentError } from '../agent-error.ts';
import type {
  AgentDefinition,
  CallOptions,
  CallResult,
  Json,
  LanguageModel,
  ModelOptions,
  RunContext,
  StepOptions,
  StepScope,
} from '../types.ts';
import { openTestFile } from './files.ts';
import { scriptedModel, toAnswered } from './model.ts';
import { type Asked, type Finished, nextKey } from './record.ts';
import type { RunState } from './run-state.ts';
import { runStep } from './step.ts';
import { TestSetupError } from './types.ts';

export interface ContextParts {
  readonly state: RunState;
  readonly agent: AgentDefinition;
  /** The checked input, for `plannedCalls`. */
  readonly input: unknown;
  /** Puts a newly finished step on the record; false where the run is abandoned, and then nothing more may come of it. */
  commit(key: string, finished: Finished): boolean;
  /** Runs another agent in the kit. */
  runChild(agent: AgentDefinition, input: Json): Promise<CallResult>;
}

type Request = Pick<Asked, 'name' | 'type' | 'fingerprint'> & {
  readonly options: StepOptions;
  readonly work: (scope: StepScope) => Promise<Json>;
};

const never = new Promise<never>(() => undefined);

/** Answers from the record where it can, else does the work and records it. */
async function recorded(parts: ContextParts, request: Request): Promise<Json> {
  const { state, agent } = parts;
  const { passage } = state;
  const key = nextKey(passage, request.name);
  const { name, type, fingerprint } = request;
  const { kind, effect = 'none' } = request.options;
  passage.asked.push({ key, name, type, fingerprint, kind, effect, after: [...passage.finished.keys()] });
  if (passage.asked.length > agent.limits.stepsMax) {
    throw new AgentError('too-many-steps', `The run needs more than the ${agent.limits.stepsMax} steps it may take.`);
  }
  const before = passage.finished.get(key);
  if (before !== undefined) {
    passage.replayed.add(key);
    return answer(before);
  }
  const finished = await runStep({ key, work: request.work, options: request.options }, state);
  return parts.commit(key, finished) ? answer(finished) : never;
}

function answer(finished: Finished): Json {
  if (!finished.outcome.ok) throw finished.outcome.error;
  return JSON.parse(finished.outcome.json);
}

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TestSetupError(`the agent asked for ${what}`);
  return value;
}

/** A failed run cost nothing, so calling again after it needs no more of the hold. */
function hasFailed(finished: Finished | undefined): boolean {
  return finished?.outcome.ok === true && JSON.parse(finished.outcome.json).status === 'failed';
}

function assertPlanned(parts: ContextParts, called: string, child: AgentDefinition | undefined): void {
  const { asked, finished } = parts.state.passage;
  const times = asked.filter(
    (step) => step.type === 'call' && step.kind === called && !hasFailed(finished.get(step.key)),
  ).length;
  const planned = parts.agent.plannedCalls?.(parts.input as never).filter((call) => call.agent === called) ?? [];
  const timesMax = planned.reduce((sum, call) => sum + call.timesMax, 0);
  if (times > timesMax) throw new TestSetupError(`call ${times} of ${called}, but plannedCalls allows ${timesMax}`);
  const open = planned.some((call) => call.input === undefined && call.maxNanos === undefined);
  if (child?.plannedCalls && open)
    throw new TestSetupError(`${called} calls other agents: plannedCalls must give its input or maxNanos`);
}

async function callAgent(parts: ContextParts, agent: string, input: Json, options: CallOptions): Promise<Json> {
  const child = parts.state.options.agents?.find((known) => known.id === agent);
  assertPlanned(parts, agent, child);
  const result = child
    ? await parts.runChild(child, input)
    : await needed(parts.state.options.call, `agent ${agent}: give runAgent \`agents\` or \`call\``)(
        agent,
        input,
        options,
      );
  return { ...result };
}

function openModel(parts: ContextParts, purpose: string, options: ModelOptions): LanguageModel {
  const { id, plannedModelUse } = parts.agent;
  if (!plannedModelUse) throw new TestSetupError(`${id} asked for a model: plannedModelUse must say what it needs`);
  return scriptedModel(purpose, options, (call, fingerprint) =>
    recorded(parts, {
      name: `model ${purpose}`,
      type: 'model',
      fingerprint,
      options: { kind: 'model' },
      work: async () => {
        const say = needed(parts.state.options.model, 'a model: give runAgent `model`');
        return toAnswered(await say(call), fingerprint);
      },
    }),
  );
}

/** The context handed to `run` for one passage. */
export function createContext(parts: ContextParts): RunContext {
  const { state } = parts;
  const { options } = state;
  // The record holds what the work returned, so the type that went in comes out.
  const ask = <T>(request: Request): Promise<T> => recorded(parts, request) as Promise<T>;
  return {
    runId: state.runId,
    mode: options.mode ?? 'test',
    signal: state.signal,
    createdAt: options.createdAt ?? new Date('2026-01-01T00:00:00.000Z'),
    step: (name, work, stepOptions = {}) => ask({ name, type: 'step', fingerprint: '', options: stepOptions, work }),
    file: (ref) => openTestFile(ref, options.files ?? {}, state.folder),
    call: (agent, input, callOptions = {}) =>
      ask({
        name: callOptions.name ?? agent,
        type: 'call',
        fingerprint: JSON.stringify([agent, callOptions.tier, callOptions.maxNanos?.toString(), input]),
        options: { kind: agent, effect: 'idempotent' },
        work: () => callAgent(parts, agent, input, callOptions),
      }),
    model: (purpose, modelOptions = {}) => openModel(parts, purpose, modelOptions),
    approve: (name, request) =>
      ask({
        name,
        type: 'approval',
        fingerprint: JSON.stringify(request),
        options: {},
        work: async () => ({
          ...(await needed(options.approve, `an approval: give runAgent \`approve\``)(name, request)),
        }),
      }),
    async sleep(name, durationMs) {
      await ask({
        name,
        type: 'timer',
        fingerprint: String(durationMs),
        options: {},
        work: async () => {
          state.sleptMs += durationMs;
          return null;
        },
      });
    },
    usage: (name, query) =>
      ask({
        name,
        type: 'usage',
        fingerprint: JSON.stringify(query),
        options: {},
        work: async () =>
          (await needed(options.usage, 'usage: give runAgent `usage`')(name, query)).map((row) => ({ ...row })),
      }),
  };
}
