/** How long a wait lasts. */
import { AgentError } from '@guildhall/agent-sdk';
import { fillTemplate, type Scope } from '../expression/index.ts';
import { GRAPH_LIMITS, type StepInput, type Templates } from '../graph/index.ts';

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Milliseconds from `startedAt` (the recorded start of the step, so a resumed run computes the same).
 * @throws AgentError `wait-invalid` for what is no duration or instant, or lies more than a year ahead
 */
export function waitMs(
  step: Extract<StepInput, { kind: 'wait' }>,
  templates: Templates,
  scope: Scope,
  startedAt: number,
): number {
  const duration = templates.get('durationMs');
  const until = templates.get('until');
  if (duration !== undefined) return checked(fillTemplate(duration, scope), step.id);
  const instant = until === undefined ? null : fillTemplate(until, scope);
  if (typeof instant !== 'string' || !INSTANT.test(instant)) {
    throw invalid(`"until" of ${step.id} is not an instant with its zone, such as 2026-01-31T08:00:00Z.`);
  }
  return checked(Math.max(0, Date.parse(instant) - startedAt), step.id);
}

function checked(value: unknown, id: string): number {
  if (typeof value !== 'number' || !(value >= 0) || value > GRAPH_LIMITS.waitMsMax) {
    throw invalid(`The wait of ${id} is not between 0 and ${GRAPH_LIMITS.waitMsMax} milliseconds.`);
  }
  return Math.round(value);
}

function invalid(message: string): AgentError {
  return new AgentError('wait-invalid', message);
}
