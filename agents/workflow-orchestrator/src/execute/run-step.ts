/** Does one step of the graph. Every name given to the platform comes from the step's id and attempt, never from timing. */
import { AgentError, type ApprovalRequest, type Json, type RunContext } from '@guildhall/agent-sdk';
import { fillTemplate, type Scope, truth } from '../expression/index.ts';
import type { PlannedStep, StepInput, Templates } from '../graph/index.ts';
import { failed, guarded, type Outcome, oneMove, outcomeOf, succeeded, type Work } from './outcome.ts';
import { runAgent } from './run-agent.ts';
import { runHttp } from './run-http.ts';
import { waitMs } from './wait.ts';

/** The work of a step that begins at `startedAt`. Throws only what is the platform's own. */
export function runStep(ctx: RunContext, planned: PlannedStep, scope: Scope, startedAt: number): Work {
  return guarded(() => workOf(ctx, planned, scope, startedAt));
}

function workOf(ctx: RunContext, planned: PlannedStep, scope: Scope, startedAt: number): Work {
  const { step, templates } = planned;
  switch (step.kind) {
    case 'agent':
      return runAgent(ctx, { name: step.id, work: step, templates, scope });
    case 'http':
      return oneMove(() => runHttp(ctx, { name: step.id, work: step, templates, scope }));
    case 'transform':
      return recorded(ctx, step, () => succeeded(fill(templates, 'value', scope), 1));
    case 'condition':
      return recorded(ctx, step, () => {
        const branch = takenBranch(step, templates, scope);
        return succeeded({ branch }, 1, branch);
      });
    case 'wait':
      return oneMove(() => runWait(ctx, step.id, waitMs(step, templates, scope, startedAt)));
    case 'approval':
      return oneMove(() => runApproval(ctx, step, templates, scope));
    default:
      return step satisfies never;
  }
}

/** Pure work is recorded too, so that people see it among the steps of the run. */
function recorded(ctx: RunContext, step: StepInput, compute: () => Outcome): Work {
  return oneMove(() =>
    ctx.step(step.id, () => outcomeOf(guarded(() => oneMove(async () => compute()))), { kind: step.kind }),
  );
}

function takenBranch(step: Extract<StepInput, { kind: 'condition' }>, templates: Templates, scope: Scope): string {
  const taken = step.branches.find((branch) => truth(fill(templates, branch.name, scope), branch.name));
  return taken?.name ?? step.otherwise;
}

async function runWait(ctx: RunContext, name: string, durationMs: number): Promise<Outcome> {
  if (durationMs > 0) await ctx.sleep(name, durationMs);
  return succeeded({ waitedMs: durationMs }, 1);
}

async function runApproval(
  ctx: RunContext,
  step: Extract<StepInput, { kind: 'approval' }>,
  templates: Templates,
  scope: Scope,
): Promise<Outcome> {
  const title = fill(templates, 'request', scope);
  const request: ApprovalRequest = {
    title: (typeof title === 'string' ? title : JSON.stringify(title)).slice(0, 500),
    ...(templates.has('details') ? { details: fill(templates, 'details', scope) } : {}),
    ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
  };
  const { decision, comment } = await ctx.approve(step.id, request);
  if (decision === 'approve' || step.whenRejected === 'branch') return succeeded({ decision, comment }, 1, decision);
  if (decision === 'expired') return failed(new AgentError('approval-expired', 'Nobody decided in time.'), 1);
  const why = comment === null ? '' : `: ${comment.slice(0, 500)}`;
  return failed(new AgentError('approval-rejected', `The request was rejected${why}`), 1);
}

function fill(templates: Templates, name: string, scope: Scope): Json {
  const template = templates.get(name);
  return template === undefined ? null : fillTemplate(template, scope);
}
