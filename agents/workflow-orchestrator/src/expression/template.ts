/** Templates: JSON in which any string may hold `${{ expression }}`. */
import { AgentError, type FieldError, type Json } from '@guildhall/agent-sdk';
import { assertBounded, Budget } from './budget.ts';
import { evaluate, type Scope } from './evaluate.ts';
import { parseExpression } from './parse.ts';
import { type Expression, SyntaxFault } from './syntax.ts';
import { toText } from './values.ts';

/** A template read once, to be filled any number of times. */
export type Template =
  | { readonly kind: 'fixed'; readonly value: Json }
  | { readonly kind: 'value'; readonly expression: Expression }
  | { readonly kind: 'text'; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: 'list'; readonly items: readonly Template[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Template])[] };

/** What reading a template found: its expressions with where they stand, and every fault. */
export interface TemplateReading {
  readonly template: Template;
  readonly expressions: readonly { readonly path: string; readonly expression: Expression }[];
  readonly faults: readonly FieldError[];
}

/** A template of more parts than this is refused. */
const PARTS_MAX = 5_000;
const DEPTH_MAX = 32;
const NOTHING: Template = { kind: 'fixed', value: null };

/** Reads a template found at `path` (JSON Pointer) of the input. Never throws; every fault is listed with its place. */
export function readTemplate(source: Json | undefined, path: string): TemplateReading {
  const reader = new TemplateReader();
  const template = reader.read(source ?? null, path, 0);
  return { template, expressions: reader.expressions, faults: reader.faults };
}

/** Reads a bare expression (`${{ }}` around it is allowed). Never throws. */
export function readExpression(source: string, path: string): TemplateReading {
  const wrapped = /^\s*\$\{\{([\s\S]*)\}\}\s*$/.exec(source);
  const reader = new TemplateReader();
  const expression = reader.expression(wrapped?.[1] ?? source, path);
  return {
    template: expression === undefined ? NOTHING : { kind: 'value', expression },
    expressions: reader.expressions,
    faults: reader.faults,
  };
}

/**
 * The template with every expression replaced by its value. A string that is one `${{ }}` alone keeps the kind of the value; in a longer
 * string values are inserted as text. One budget covers the whole template.
 * @throws AgentError as `evaluate` and `assertBounded` do
 */
export function fillTemplate(template: Template, scope: Scope): Json {
  const value = filled(template, scope, new Budget());
  assertBounded(value);
  return value;
}

const NO_SCOPE: Scope = { data: null, steps: null, run: null };

/** The value of a template that holds no expression; undefined where it holds one, or cannot be filled. */
export function literalOf(source: Json): Json | undefined {
  const { template, expressions, faults } = readTemplate(source, '');
  if (expressions.length > 0 || faults.length > 0) return undefined;
  try {
    return fillTemplate(template, NO_SCOPE);
  } catch (error) {
    // Too large: the step will say so when its turn comes.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

function filled(template: Template, scope: Scope, budget: Budget): Json {
  budget.spend(1);
  switch (template.kind) {
    case 'fixed':
      return template.value;
    case 'value':
      return evaluate(template.expression, scope, budget);
    case 'text':
      return template.parts
        .map((part) => (typeof part === 'string' ? part : toText(evaluate(part, scope, budget), budget)))
        .join('');
    case 'list':
      return template.items.map((item) => filled(item, scope, budget));
    case 'object':
      return Object.fromEntries(template.entries.map(([key, item]) => [key, filled(item, scope, budget)]));
    default:
      return template satisfies never;
  }
}

class TemplateReader {
  readonly expressions: { readonly path: string; readonly expression: Expression }[] = [];
  readonly faults: FieldError[] = [];
  #parts = 0;

  read(source: Json, path: string, depth: number): Template {
    this.#parts += 1;
    if (this.#parts > PARTS_MAX) return this.#refuse(path, `the template has more than ${PARTS_MAX} parts`);
    if (depth > DEPTH_MAX) return this.#refuse(path, `the template nests deeper than ${DEPTH_MAX}`);
    if (typeof source === 'string') return this.#text(source, path);
    if (source === null || typeof source !== 'object') return { kind: 'fixed', value: source };
    if (Array.isArray(source)) {
      return { kind: 'list', items: source.map((item: Json, index) => this.read(item, `${path}/${index}`, depth + 1)) };
    }
    const entries: (readonly [string, Template])[] = [];
    for (const [key, item] of Object.entries(source)) {
      const place = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (key === '__proto__') this.#refuse(place, 'the key "__proto__" is not allowed');
      else entries.push([key, this.read(item ?? null, place, depth + 1)]);
    }
    return { kind: 'object', entries };
  }

  expression(source: string, path: string): Expression | undefined {
    try {
      const expression = parseExpression(source);
      this.expressions.push({ path, expression });
      return expression;
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error;
      this.faults.push({ path, message: `${error.message}: ${source.slice(0, 120).trim()}` });
      return undefined;
    }
  }

  #text(source: string, path: string): Template {
    if (!source.includes('${{')) return { kind: 'fixed', value: source };
    const parts = splitText(source);
    if (parts === undefined) return this.#refuse(path, 'an expression that begins with "${{" is not closed');
    const read = parts.map((part) => (part.isExpression ? this.expression(part.text, path) : part.text));
    const known = read.filter((part) => part !== undefined);
    const [only] = known;
    if (known.length === 1 && typeof only === 'object') return { kind: 'value', expression: only };
    return { kind: 'text', parts: known };
  }

  #refuse(path: string, message: string): Template {
    this.faults.push({ path, message });
    return NOTHING;
  }
}

interface TextPart {
  readonly text: string;
  readonly isExpression: boolean;
}

/** Cuts a string at `${{ … }}`; `$${{` stands for a literal `${{`. Quoted strings may hold `}}`. Undefined when one is not closed. */
function splitText(source: string): readonly TextPart[] | undefined {
  const parts: TextPart[] = [];
  let text = '';
  let position = 0;
  while (position < source.length) {
    if (source.startsWith('$${{', position)) {
      text += '${{';
      position += 4;
    } else if (source.startsWith('${{', position)) {
      const end = endOfExpression(source, position + 3);
      if (end === undefined) return undefined;
      if (text !== '') parts.push({ text, isExpression: false });
      text = '';
      parts.push({ text: source.slice(position + 3, end), isExpression: true });
      position = end + 2;
    } else {
      text += source.charAt(position);
      position += 1;
    }
  }
  if (text !== '') parts.push({ text, isExpression: false });
  return parts;
}

function endOfExpression(source: string, start: number): number | undefined {
  let quote: string | undefined;
  for (let position = start; position < source.length; position += 1) {
    const character = source.charAt(position);
    if (quote !== undefined) {
      if (character === '\\') position += 1;
      else if (character === quote) quote = undefined;
    } else if (character === "'" || character === '"') quote = character;
    else if (source.startsWith('}}', position)) return position;
  }
  return undefined;
}
