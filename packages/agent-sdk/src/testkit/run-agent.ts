/** Runs an agent without the platform, in memory, with the real sandbox. */
import type { z } from 'zod';
import { AgentError } from '../agent-error.ts';
import type { AgentDefinition, CallResult, FieldError, Json } from '../types.ts';
import { createContext } from './context.ts';
import { makeRunFolder } from './files.ts';
import { compareToRecord, newPassage, type Passage } from './record.ts';
import type { RunState } from './run-state.ts';
import { RESULT_MAX_BYTES } from './step.ts';
import type { AgentRun, RunAgentOptions, TestStep } from './types.ts';

/** Why a passage was abandoned. */
const CRASH = new Error('planned crash');

type Ended = { readonly output: unknown } | { readonly error: unknown } | 'crashed';

/**
 * Runs the agent on this input and returns everything the platform would have kept.
 * A failure of the run is in `error`; `runAgent` itself throws only when the test is set up wrongly or the agent asks for
 * other steps after a planned crash.
 */
export async function runAgent<I extends z.ZodType, O extends z.ZodType>(
  agent: AgentDefinition<I, O>,
  input: z.input<I>,
  options: RunAgentOptions = {},
): Promise<AgentRun<z.output<O>>> {
  const state = newState(options);
  const refused = refusal(agent, input);
  if (refused !== undefined) return report(state, { error: refused });
  let ended = await pass(agent, input, state, options.crashAfterStep);
  if (ended === 'crashed') {
    const first = state.passage;
    state.passage = { ...newPassage(), finished: new Map(first.finished) };
    ended = await pass(agent, input, state, undefined);
    compareToRecord(first, state.passage);
  }
  if (state.misuse) throw state.misuse;
  return report(state, ended === 'crashed' ? { error: CRASH } : ended);
}

function newState(options: RunAgentOptions): RunState {
  return {
    runId: 'run_test',
    options,
    folder: makeRunFolder(),
    signal: options.signal ?? new AbortController().signal,
    passage: newPassage(),
    passages: 0,
    logs: [],
    progress: [],
    artifactsMade: 0,
    sleptMs: 0,
    misuse: undefined,
  };
}

function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** As the platform refuses before any money is held. */
function refusal(agent: AgentDefinition, input: unknown): AgentError | undefined {
  const parsed = agent.input.safeParse(input);
  const errors: readonly FieldError[] = parsed.success
    ? (agent.validate?.(parsed.data as never) ?? [])
    : parsed.error.issues.map((issue) => ({ path: pointer(issue.path), message: issue.message }));
  return errors.length > 0 ? new AgentError('input-invalid', 'The input is not valid.', { errors }) : undefined;
}

/** Once through `run`, until it ends or the planned crash. */
async function pass(agent: AgentDefinition, input: unknown, state: RunState, crashAfterStep?: number): Promise<Ended> {
  const { passage, options } = state;
  const checked = agent.input.parse(input);
  const abandon = new AbortController();
  state.passages += 1;
  state.signal = AbortSignal.any([abandon.signal, ...(options.signal ? [options.signal] : [])]);
  let finishedHere = 0;
  const crashed = new Promise<'crashed'>((resolve) => {
    abandon.signal.addEventListener('abort', () => resolve('crashed'));
  });
  const ctx = createContext({
    state,
    agent,
    input: checked,
    commit(key, finished) {
      if (abandon.signal.aborted) return false;
      passage.finished.set(key, finished);
      finishedHere += 1;
      if (finishedHere === crashAfterStep) abandon.abort(CRASH);
      return !abandon.signal.aborted;
    },
    runChild: (child, childInput) => runChild(child, childInput, state),
  });
  const run = agent
    .run(ctx, checked as never)
    .then((output): Ended => checkOutput(agent, output))
    .catch((error: unknown): Ended => ({ error }));
  return Promise.race([run, crashed]);
}

function checkOutput(agent: AgentDefinition, output: unknown): Ended {
  const parsed = agent.output.safeParse(output);
  if (!parsed.success) return { error: new Error(`output does not fit its schema: ${parsed.error.message}`) };
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data) ?? '');
  return bytes > RESULT_MAX_BYTES
    ? { error: new Error(`output has ${bytes} bytes, which is more than 1 MiB: keep it as an artifact`) }
    : { output: parsed.data };
}

async function runChild(agent: AgentDefinition, input: Json, parent: RunState): Promise<CallResult> {
  const { crashAfterStep: _, ...options } = parent.options;
  const run = await runAgent(agent, input, { ...options, signal: parent.signal });
  const runId = `${parent.runId}_${agent.id}`;
  if (run.error === undefined) {
    // A schema of a built-in agent yields JSON.
    return { runId, status: 'succeeded', output: run.output as Json, error: null, costNanos: '0' };
  }
  const error =
    run.error instanceof AgentError
      ? { code: `agent.${run.error.reason}`, detail: run.error.message }
      : { code: 'runs.internal', detail: 'The run failed.' };
  return { runId, status: 'failed', output: null, error, costNanos: '0' };
}

function stepsOf(passage: Passage): readonly TestStep[] {
  return passage.asked.flatMap(({ key, name, type, kind, effect }) => {
    const finished = passage.finished.get(key);
    if (finished === undefined) return [];
    const { outcome, attempts } = finished;
    const ended = outcome.ok
      ? { status: 'succeeded' as const, output: JSON.parse(outcome.json) as Json, error: undefined }
      : { status: 'failed' as const, output: null, error: outcome.error };
    return [{ key, name, type, kind, effect, attempts, replayed: passage.replayed.has(key), ...ended }];
  });
}

function report<Output>(state: RunState, ended: Exclude<Ended, 'crashed'>): AgentRun<Output> {
  const failed = 'error' in ended;
  return {
    // Checked against the output schema, whose type this is.
    output: failed ? undefined : (ended.output as Output),
    error: failed ? ended.error : undefined,
    steps: stepsOf(state.passage),
    artifacts: [...state.passage.finished.values()].flatMap((step) => step.artifacts),
    logs: state.logs,
    progress: state.progress,
    sleptMs: state.sleptMs,
  };
}
