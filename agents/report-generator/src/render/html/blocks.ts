/** One function for each kind of block. */
import type { Block, Card, DrawnChart, DrawnTable, WordedFinding } from '../../document/document.ts';
import { escapeHtml } from './escape.ts';
import { proseHtml } from './prose.ts';

export interface BlockWords {
  readonly formula: string;
  readonly inputs: string;
}

export function blockHtml(block: Block, words: BlockWords): string {
  switch (block.kind) {
    case 'heading':
      return `<h2 class="section">${escapeHtml(block.text)}</h2>`;
    case 'prose':
      return `<div class="prose">${proseHtml(block.nodes)}</div>`;
    case 'figures':
      return `<div class="cards">${block.cards.map(cardHtml).join('')}</div>`;
    case 'charts':
      return block.charts.map(chartHtml).join('');
    case 'table':
      return tableHtml(block.table);
    case 'findings':
      return block.findings.map((finding) => findingHtml(finding, words)).join('');
    case 'notes':
      return `<footer class="notes">${block.lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('')}</footer>`;
    case 'page-break':
      return '<div class="page-break"></div>';
    default:
      return block satisfies never;
  }
}

const ARROWS = { up: '▲', down: '▼', flat: '–' } as const;

function cardHtml(card: Card): string {
  const change =
    card.change === null
      ? ''
      : `<div class="change"><span class="${card.change.tone}"><i aria-hidden="true">${ARROWS[card.change.direction]}</i> <bdi>${escapeHtml(card.change.text)}</bdi></span> <span class="previous">${escapeHtml(card.previous)}</span></div>`;
  return `<div class="card"><div class="label">${escapeHtml(card.label)}</div><div class="value"><bdi>${escapeHtml(card.value)}</bdi></div>${change}</div>`;
}

/** The drawing is ours, but its labels are the caller's data: the drawing library escapes them, and a policy of the page forbids scripts. */
function chartHtml(chart: DrawnChart): string {
  const note = chart.note === '' ? '' : `<figcaption>${escapeHtml(chart.note)}</figcaption>`;
  const svg = chart.svg.replace(/^<svg /, `<svg role="img" aria-label="${escapeHtml(chart.description)}" `);
  return `<figure><h3>${escapeHtml(chart.title)}</h3>${svg}${note}</figure>`;
}

function tableHtml(table: DrawnTable): string {
  const side = (index: number): string => (table.columns[index]?.isNumber ? ' class="n"' : '');
  const cell = (text: string, index: number): string =>
    `<td${side(index)}>${cellHtml(text, table.columns[index])}</td>`;
  const head = table.columns
    .map((column, index) => `<th scope="col"${side(index)}>${escapeHtml(column.label)}</th>`)
    .join('');
  const rows = table.rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  const totals = table.totals === null ? '' : `<tfoot><tr>${table.totals.map(cell).join('')}</tr></tfoot>`;
  const note = table.note === '' ? '' : `<p class="small">${escapeHtml(table.note)}</p>`;
  return `<section class="table"><h3>${escapeHtml(table.title)}</h3><div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody>${totals}</table></div>${note}</section>`;
}

function cellHtml(text: string, column: DrawnTable['columns'][number] | undefined): string {
  if (column?.isCode) return `<bdi dir="ltr">${escapeHtml(text)}</bdi>`;
  return column?.isNumber ? `<bdi>${escapeHtml(text)}</bdi>` : escapeHtml(text);
}

function findingHtml(finding: WordedFinding, words: BlockWords): string {
  const inputs = finding.inputs
    .map((input) => `<span>${escapeHtml(input.name)} <b><bdi>${escapeHtml(input.value)}</bdi></b></span>`)
    .join(' ');
  const direction = finding.direction === 'flat' ? '' : ` <i aria-hidden="true">${ARROWS[finding.direction]}</i>`;
  const numbers = inputs === '' ? '' : `<p class="small inputs"><b>${escapeHtml(words.inputs)}:</b> ${inputs}</p>`;
  return `<div class="finding"><p class="kind"><span>${escapeHtml(finding.kind)}</span>${direction}</p><p class="sentence">${escapeHtml(finding.sentence)}</p><p class="small"><b>${escapeHtml(words.formula)}:</b> <bdi dir="ltr">${escapeHtml(finding.formula)}</bdi></p>${numbers}</div>`;
}
