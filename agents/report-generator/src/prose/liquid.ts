/** The one Liquid engine for templates that a caller wrote: no files, no prototypes, no floats, bounded in every direction. */
import { AgentError } from '@guildhall/agent-sdk';
import { Liquid, type LiquidError, LiquidError as LiquidErrorClass, Tag } from 'liquidjs';
import type { TextSection } from '../input/template.ts';
import { addDecimalFilters } from './decimal-filters.ts';

/** A page of prose renders in milliseconds; this is for a loaded machine. The child around it is killed later still. */
const RENDER_MS_MAX = 2_000;
/** About characters and items made while rendering. */
const MEMORY_MAX = 20_000_000;
const PARSE_CHARACTERS_MAX = 200_000;
/** Longer output is no section of a report. */
const OUTPUT_CHARACTERS_MAX = 2_000_000;

/** Tags that read other templates, from files or memory. A report has one template. */
const REFUSED_TAGS = ['include', 'render', 'layout', 'block'] as const;

export function createEngine(format: TextSection['format']): Liquid {
  const engine = new Liquid({
    templates: {},
    relativeReference: false,
    dynamicPartials: false,
    ownPropertyOnly: true,
    strictFilters: true,
    outputEscape: (value: unknown) => ESCAPES[format](textOf(value)),
    parseLimit: PARSE_CHARACTERS_MAX,
    renderLimit: RENDER_MS_MAX,
    memoryLimit: MEMORY_MAX,
    timezoneOffset: 0,
  });
  for (const name of REFUSED_TAGS) engine.registerTag(name, RefusedTag);
  addDecimalFilters(engine);
  return engine;
}

class RefusedTag extends Tag {
  constructor(...args: ConstructorParameters<typeof Tag>) {
    super(...args);
    throw new Error(`the tag "${this.name}" is not offered: a report template cannot read other templates or files`);
  }
  override render(): never {
    throw new Error('a refused tag cannot be rendered');
  }
}

const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : Array.isArray(value) ? value.map(textOf).join('') : String(value);

/** Data never becomes markup: values are escaped for the format they are put into. */
const ESCAPES: Readonly<Record<TextSection['format'], (text: string) => string>> = {
  html: (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`),
  markdown: (text) => text.replace(/[\\`*_{}[\]()#+\-.!|<>&~=:"'$^]/g, (sign) => `\\${sign}`).replace(/\s*\n\s*/g, ' '),
  text: (text) => text,
};

/** Where and why a template cannot be read; undefined when it can. Parsing runs nothing. */
export function syntaxFault(section: Pick<TextSection, 'body' | 'format'>): string | undefined {
  try {
    createEngine(section.format).parse(section.body);
    return undefined;
  } catch (error) {
    return faultText(error);
  }
}

/** @throws AgentError `template-syntax`, `template-limit` */
export function renderLiquid(section: Pick<TextSection, 'body' | 'format'>, scope: object, name: string): string {
  const text = attempt(() => {
    const engine = createEngine(section.format);
    return String(engine.renderSync(engine.parse(section.body), scope));
  }, name);
  if (text.length > OUTPUT_CHARACTERS_MAX) throw limitReached(name, 'it writes more than 2,000,000 characters');
  return text;
}

function attempt(work: () => string, name: string): string {
  try {
    return work();
  } catch (error) {
    const fault = faultText(error);
    if (/(alloc|template render|parse length) limit exceeded/.test(fault)) throw limitReached(name, fault, error);
    throw new AgentError('template-syntax', `The template of ${name} cannot be rendered: ${fault}.`, {
      advice: 'Correct the template at the place named and start a new run.',
      cause: error,
    });
  }
}

const limitReached = (name: string, why: string, cause?: unknown): AgentError =>
  new AgentError('template-limit', `The template of ${name} was stopped: ${why}.`, {
    advice: 'Shorten its loops: a section may run for 2 seconds and write 2,000,000 characters.',
    cause,
  });

function faultText(error: unknown): string {
  if (!LiquidErrorClass.is(error)) return error instanceof Error ? error.message : String(error);
  const [line, column] = positionOf(error);
  const message = error.originalError?.message ?? error.message;
  return `line ${line}, column ${column}: ${message.replace(/, line:\d+, col:\d+$/, '')}`;
}

function positionOf(error: LiquidError): readonly [number, number] {
  const position = error.token.getPosition();
  return [position[0] ?? 1, position[1] ?? 1];
}
