/** The blocks of one part of a report. */
import { AgentError } from '@guildhall/agent-sdk';
import type { Chart, Facts } from '../report/model.ts';
import type { Part } from '../templates/house.ts';
import { heading } from '../wording/humanise.ts';
import { type Speech, WHOLE } from './cells.ts';
import type { Block, DrawnChart } from './document.ts';
import { wordFinding } from './findings.ts';
import { cardOf, describeChart, methodOf, profileOf, tableOf } from './parts.ts';

export interface Drawing {
  draw(chart: Chart): string;
}

/** In the order of `ids`, or all of them. @throws AgentError `section-unknown` */
export function partBlocks(
  kind: Part,
  ids: readonly string[] | undefined,
  facts: Facts,
  { speech, drawing }: { readonly speech: Speech; readonly drawing: Drawing },
): Block[] {
  switch (kind) {
    case 'figures':
      return filled(chosen(facts.figures, ids), (figures) => [
        { kind: 'figures', cards: figures.map((figure) => cardOf(figure, speech)) },
      ]);
    case 'charts':
      return filled(chosen(facts.charts, ids), (charts) => [
        { kind: 'charts', charts: charts.map((chart) => drawn(chart, speech, drawing)) },
      ]);
    case 'tables':
      return chosen(facts.tables, ids).map((table) => ({ kind: 'table', table: tableOf(table, speech) }));
    case 'findings':
      return filled(chosen(facts.findings, ids), (findings) => [
        { kind: 'findings', findings: findings.map((finding) => wordFinding(finding, speech)) },
      ]);
    case 'profile':
      return [{ kind: 'table', table: profileOf(facts.sources, speech) }];
    case 'method':
      return filled(facts.figures, (figures) => [{ kind: 'table', table: methodOf(figures, speech) }]);
    default:
      return kind satisfies never;
  }
}

const filled = <T>(items: readonly T[], make: (items: readonly T[]) => Block[]): Block[] =>
  items.length === 0 ? [] : make(items);

function chosen<T extends { readonly id: string }>(
  items: readonly T[],
  ids: readonly string[] | undefined,
): readonly T[] {
  if (ids === undefined) return items;
  return ids.map((id) => {
    const item = items.find((candidate) => candidate.id === id);
    if (item === undefined)
      throw new AgentError(
        'section-unknown',
        `A section of the template names "${id}", which the report does not hold.`,
      );
    return item;
  });
}

function drawn(chart: Chart, speech: Speech, drawing: Drawing): DrawnChart {
  const left =
    chart.kind === 'scatter' && chart.pointsLeftOut > 0
      ? speech.words.pointsLeftOut(speech.write.number(String(chart.pointsLeftOut), WHOLE))
      : '';
  return {
    title: heading(chart.title),
    note: [chart.note ?? '', left].filter(Boolean).join(' '),
    description: describeChart(chart, speech),
    svg: drawing.draw(chart),
  };
}
