/** What will be said in one answer, before any wire gives it its form. */
import { countTokens, splitTokens } from './tokens.ts';
import type { Behaviour, JsonObject, ToolCall, Wire } from './types.ts';
import { wordToken, wordTokens } from './words.ts';

/** What a request asks for, the same for all wires. */
export interface Ask {
  readonly wire: Wire;
  /** Without its directive. */
  readonly model: string;
  readonly body: JsonObject;
  readonly isStream: boolean;
  /** OpenAI's `n`. */
  readonly choices: number;
  readonly outputTokensMax: number | undefined;
  /** The last message brings the result of a tool, so the model speaks again. */
  readonly followsTool: boolean;
  readonly mayCallParallel: boolean;
  /** A call the request insists on. */
  readonly forcedCall: ToolCall | undefined;
  /** An answer of the shape the request insists on. */
  readonly forcedText: string | undefined;
  /** Counts the input; costly for long ones, so only when asked. */
  inputTokens(): number;
}

export interface Usage {
  readonly input: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly cacheWriteLong: number;
  readonly output: number;
  readonly reasoning: number;
}

export interface PlannedCall {
  readonly id: string;
  readonly name: string;
  readonly nameTokens: number;
  readonly arguments: string;
  readonly pieces: readonly string[];
}

export interface Plan {
  /** Letters and digits, unique in the process; each wire puts its prefix before it. */
  readonly id: string;
  readonly createdAt: number;
  readonly model: string;
  readonly choices: number;
  readonly thinking: readonly string[];
  /** The text token by token. */
  readonly pieces: Iterable<string>;
  /** False for an endless answer. */
  readonly isEnding: boolean;
  readonly text: string;
  readonly refusal: string | undefined;
  readonly calls: readonly PlannedCall[];
  readonly finish: 'stop' | 'length' | 'tools';
  /** As it will be reported; undefined when it is kept back. */
  readonly usage: Usage | undefined;
  readonly tellsUnasked: boolean;
  /** Tokens of one choice that are shown. */
  readonly shownTokens: number;
}

const DEFAULT_OUTPUT_TOKENS = 16;
const DEFAULT_HUGE_BYTES = 32 * 1024 * 1024;
/** Three bytes in UTF-8. */
const WIDE = '漢';

function* endlessWords(): Generator<string> {
  for (let index = 0; ; index += 1) yield wordToken(index);
}

/** As one piece, because what is huge is one line of the stream. */
function hugePiece(bytes: number): string {
  const cycle = ` ${wordTokens(94).join('')}`;
  return cycle.repeat(Math.ceil(bytes / cycle.length)).slice(0, bytes);
}

function piecesOf(ask: Ask, behaviour: Behaviour, isCalling: boolean): readonly string[] {
  if (behaviour.fault === 'huge') return [hugePiece(behaviour.hugeBytes ?? DEFAULT_HUGE_BYTES)];
  if (behaviour.refusal !== undefined) return splitTokens(behaviour.refusal);
  const text = behaviour.text ?? (behaviour.outputTokens === undefined && !isCalling ? ask.forcedText : undefined);
  if (text !== undefined) return splitTokens(text);
  const count = behaviour.outputTokens ?? (isCalling ? 0 : DEFAULT_OUTPUT_TOKENS);
  return wordTokens(count);
}

function callsOf(ask: Ask, behaviour: Behaviour): readonly ToolCall[] {
  if (behaviour.toolCalls) return ask.mayCallParallel ? behaviour.toolCalls : behaviour.toolCalls.slice(0, 1);
  if (behaviour.text !== undefined || ask.followsTool) return [];
  return ask.forcedCall ? [ask.forcedCall] : [];
}

function textOf(call: ToolCall): string {
  return typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments);
}

function plannedCall(call: ToolCall, id: string, budget: number): PlannedCall {
  const nameTokens = countTokens(call.name);
  const pieces = splitTokens(textOf(call)).slice(0, Math.max(0, budget - nameTokens));
  return { id, name: call.name, nameTokens, pieces, arguments: pieces.join('') };
}

function reported(usage: Usage, behaviour: Behaviour): Usage | undefined {
  if (behaviour.usage === 'omitted') return undefined;
  const factor = behaviour.usage === 'doubled' ? 2 : behaviour.usage === 'halved' ? 0.5 : 1;
  if (factor === 1) return usage;
  const lied = (count: number): number => Math.floor(count * factor);
  return {
    input: lied(usage.input),
    cached: lied(usage.cached),
    cacheWrite: lied(usage.cacheWrite),
    cacheWriteLong: lied(usage.cacheWriteLong),
    output: lied(usage.output),
    reasoning: lied(usage.reasoning),
  };
}

/** The answer to a request under a behaviour; the same for the same arguments. */
export function planAnswer(ask: Ask, behaviour: Behaviour, id: string, createdAt: number): Plan {
  const wanted = callsOf(ask, behaviour);
  const max = ask.outputTokensMax ?? Number.POSITIVE_INFINITY;
  const thinking = wordTokens(Math.min(behaviour.reasoningTokens ?? 0, max));
  const whole = piecesOf(ask, behaviour, wanted.length > 0);
  let left = max - thinking.length;
  const pieces: string[] = whole.length > left ? whole.slice(0, left) : [...whole];
  left -= pieces.length;
  const calls: PlannedCall[] = [];
  for (const call of wanted) {
    if (left <= 0) break;
    const planned = plannedCall(call, `${id}${calls.length}`, left);
    left -= planned.nameTokens + planned.pieces.length;
    calls.push(planned);
  }
  if (behaviour.fault === 'cut-in-character') pieces.splice(behaviour.afterTokens ?? 3, 0, WIDE);
  const wantedTokens = wanted.reduce(
    (sum, call) => sum + countTokens(call.name) + splitTokens(textOf(call)).length,
    (behaviour.reasoningTokens ?? 0) + whole.length,
  );
  const callTokens = calls.reduce((sum, call) => sum + call.nameTokens + call.pieces.length, 0);
  const shownTokens = pieces.length + callTokens;
  const usage: Usage = {
    input: behaviour.inputTokens ?? ask.inputTokens(),
    cached: behaviour.cachedTokens ?? 0,
    cacheWrite: behaviour.cacheWriteTokens ?? 0,
    cacheWriteLong: behaviour.cacheWriteLongTokens ?? 0,
    output: (thinking.length + shownTokens) * ask.choices,
    reasoning: thinking.length * ask.choices,
  };
  const text = pieces.join('');
  const isEnding = behaviour.fault !== 'endless';
  return {
    id,
    createdAt,
    model: behaviour.answerModel ?? ask.model,
    choices: ask.choices,
    thinking,
    pieces: isEnding ? pieces : { [Symbol.iterator]: endlessWords },
    isEnding,
    text,
    refusal: behaviour.refusal === undefined ? undefined : text,
    calls,
    finish: wantedTokens > max ? 'length' : calls.length > 0 ? 'tools' : 'stop',
    usage: reported(usage, behaviour),
    tellsUnasked: behaviour.usage === 'unasked',
    shownTokens,
  };
}
