/** OpenAI's effort of reasoning in Anthropic's two ways of saying it. */
import { entryOf, isObject, listAt, objectAt } from '../../json.ts';
import type { Json, JsonObject } from '../../types.ts';
import { refusePart } from '../members.ts';

/** Claude up to 4.5 takes a budget of tokens; those after it decide themselves and take an effort, and refuse a budget. */
const TAKES_BUDGET = /claude-3-|claude-(?:opus|sonnet|haiku)-4(?:-[015])?(?=$|-20\d{6}|-latest|@|:)/;
/** Anthropic's own bound. */
const BUDGET_MIN = 1024;
/** Of tokens to think with, in steps as Anthropic's examples have them. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: BUDGET_MIN,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};
const EFFORTS: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};

export interface ThinkingWish {
  readonly body: JsonObject;
  readonly model: string;
  readonly limit: number;
  /** In Anthropic's form. */
  readonly turns: readonly JsonObject[];
}

export interface Thinking {
  readonly thinking?: Json | undefined;
  readonly effort?: string | undefined;
}

/** A round of tools that was begun without thought, or whose thought the client did not send back, must go on without. */
function goesOnWithoutThought(turns: readonly JsonObject[]): boolean {
  const last = turns.findLast((turn) => turn.role === 'assistant');
  const types = listAt(last?.content).map((block) => objectAt(block).type);
  const isAnswered = listAt(turns.at(-1)?.content).some((block) => objectAt(block).type === 'tool_result');
  return isAnswered && types.includes('tool_use') && types[0] !== 'thinking' && types[0] !== 'redacted_thinking';
}

/** @throws GuildhallError `models.not-translatable` where the effort is unknown or the answer too short to think in. */
export function thinkingFor({ body, model, limit, turns }: ThinkingWish): Thinking {
  if (isObject(body.thinking)) return { thinking: body.thinking };
  const effort = body.reasoning_effort ?? undefined;
  if (effort === undefined) return {};
  if (effort === 'none') return { thinking: { type: 'disabled' } };
  const budget = entryOf(BUDGETS, effort);
  if (budget === undefined) {
    return refusePart('/reasoning_effort', `must be none or one of ${Object.keys(BUDGETS).join(', ')}`);
  }
  if (!TAKES_BUDGET.test(model)) return { thinking: { type: 'adaptive' }, effort: entryOf(EFFORTS, effort) };
  if (goesOnWithoutThought(turns)) return {};
  if (limit <= BUDGET_MIN) {
    return refusePart(
      '/reasoning_effort',
      `needs a limit of more than ${BUDGET_MIN} tokens for thought and answer together`,
    );
  }
  return { thinking: { type: 'enabled', budget_tokens: Math.min(budget, limit - 1) } };
}
