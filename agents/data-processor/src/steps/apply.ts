/** One step on a flow. */
import type { Flow } from '../child/flow.ts';
import type { Step } from '../input/steps.ts';
import type { StepContext } from './context.ts';
import { aggregate, pivot } from './group.ts';
import { join } from './join.ts';
import { deduplicate, derive, filter, sort } from './rows.ts';
import { cast, fill, fillBy, rename, select, split, trim } from './shape.ts';

/** @throws AgentError that points at the part of the step that is wrong. */
export async function applyStep(context: StepContext, flow: Flow, step: Step): Promise<Flow> {
  switch (step.step) {
    case 'rename':
      return rename(context, flow, step);
    case 'select':
      return select(context, flow, step);
    case 'cast':
      return cast(context, flow, step);
    case 'trim':
      return trim(context, flow, step);
    case 'fill':
      return fill(context, flow, step);
    case 'fill-by':
      return fillBy(context, flow, step);
    case 'split':
      return split(context, flow, step);
    case 'filter':
      return filter(context, flow, step);
    case 'derive':
      return derive(context, flow, step);
    case 'deduplicate':
      return deduplicate(context, flow, step);
    case 'sort':
      return sort(context, flow, step);
    case 'aggregate':
      return aggregate(context, flow, step);
    case 'join':
      return join(context, flow, step);
    case 'pivot':
      return pivot(context, flow, step);
    default:
      throw new Error(`no such step ${JSON.stringify(step satisfies never)}`);
  }
}
