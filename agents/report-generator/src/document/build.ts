/** Words the facts of a report and puts them in the order of its template. */
import type { ReportInput } from '../input/schema.ts';
import type { Section, TextSection } from '../input/template.ts';
import { renderLiquid } from '../prose/liquid.ts';
import { parseProse } from '../prose/parse.ts';
import type { Computed } from '../report/compute.ts';
import { HOUSES, type Part } from '../templates/house.ts';
import { wordsOf } from '../wording/index.ts';
import { numberWriter } from '../wording/number-text.ts';
import type { Words } from '../wording/words.ts';
import { type Speech, WHOLE } from './cells.ts';
import type { Block, ReportDocument } from './document.ts';
import { type Drawing, partBlocks } from './part-blocks.ts';
import { templateScope } from './scope.ts';

/** `createdAt` is the instant the run was made, so that a second attempt writes the same document. */
export function buildDocument(
  input: ReportInput,
  computed: Computed,
  drawing: Drawing,
  createdAt: string,
): ReportDocument {
  const speech: Speech = {
    words: wordsOf(input.language),
    write: numberWriter({ language: input.language, digits: input.digits }),
  };
  const { words } = speech;
  const { template } = input;
  const title = input.title ?? words.titles[typeof template === 'string' ? template : 'analytics'];
  const builder = blockBuilder(input, computed, { speech, drawing, title });
  return {
    language: input.language,
    direction: input.language === 'ar' ? 'rtl' : 'ltr',
    paper: input.paper,
    cover: typeof template === 'string' ? HOUSES[template].cover : template.cover,
    title,
    subtitle: input.subtitle ?? '',
    kicker: typeof template === 'string' ? words.kinds[template] : '',
    facts: headFacts(input, computed, speech, createdAt),
    house: input.branding.name ?? '',
    font: input.branding.font,
    primary: input.branding.primary,
    accent: input.branding.accent,
    createdAt,
    words: {
      formula: words.formula,
      inputs: words.inputs,
      easternDigits: input.language === 'ar' && input.digits === 'eastern',
    },
    blocks: typeof template === 'string' ? builder.house(HOUSES[template].parts) : builder.own(template.sections),
  };
}

function headFacts(
  input: ReportInput,
  { period }: Computed,
  { words, write }: Speech,
  createdAt: string,
): ReportDocument['facts'] {
  return [
    {
      label: words.period,
      text: period === undefined ? words.allRows : write.span(period.current.from, period.current.to),
    },
    ...(period?.previous === undefined
      ? []
      : [{ label: words.comparedWith, text: write.span(period.previous.from, period.previous.to) }]),
    ...(input.author === undefined ? [] : [{ label: words.preparedBy, text: input.author }]),
    { label: words.created, text: write.day(createdAt.slice(0, 10)) },
  ];
}

interface Means {
  readonly speech: Speech;
  readonly drawing: Drawing;
  readonly title: string;
}

/** A heading where the blocks below it have no titles of their own. */
const titlesOf = (words: Words): Readonly<Record<Part, string | undefined>> => ({
  figures: words.keyFigures,
  charts: undefined,
  tables: undefined,
  findings: words.findings,
  profile: undefined,
  method: undefined,
});

function blockBuilder(input: ReportInput, computed: Computed, { speech, drawing, title }: Means) {
  const { facts } = computed;
  const { words } = speech;
  let known: object | undefined;
  const scope = (): object => {
    known ??= templateScope(input, title, computed, speech);
    return known;
  };
  const prose = (section: Pick<TextSection, 'body' | 'format'>, name: string): Block => ({
    kind: 'prose',
    nodes: parseProse(renderLiquid(section, scope(), name), section.format),
  });
  const titled = (text: string | undefined, blocks: readonly Block[]): Block[] =>
    blocks.length === 0 || text === undefined ? [...blocks] : [{ kind: 'heading', text }, ...blocks];
  const titles = titlesOf(words);
  const part = (kind: Part, ids?: readonly string[]): Block[] => partBlocks(kind, ids, facts, { speech, drawing });
  return {
    house: (parts: readonly Part[]): Block[] => [
      ...(input.introduction === undefined ? [] : [prose(input.introduction, 'the introduction')]),
      ...parts.flatMap((kind) => titled(titles[kind], part(kind))),
      closing(computed, speech),
    ],
    own: (sections: readonly Section[]): Block[] => [
      ...sections.flatMap((section, index): Block[] => {
        if (section.kind === 'page-break') return [{ kind: 'page-break' }];
        if (section.kind === 'text') return titled(section.title, [prose(section, `section ${index + 1}`)]);
        return titled(section.title ?? titles[section.kind], part(section.kind, section.ids));
      }),
      closing(computed, speech),
    ],
  };
}

/** Where the numbers come from and how they are rounded: the last lines of every report. */
function closing({ facts, period }: Computed, { words, write }: Speech): Block {
  const count = (value: number): string => write.number(String(value), WHOLE);
  const lines = facts.sources.map((source) =>
    period === undefined || source.dateColumn === null
      ? words.sourceLine(source.label, count(source.rows))
      : words.sourceInPeriod(source.label, count(source.rowsInPeriod), count(source.rows)),
  );
  return { kind: 'notes', lines: [...lines, ...facts.notes, words.rounding] };
}
