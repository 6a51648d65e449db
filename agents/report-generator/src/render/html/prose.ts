/** Running text from its tree. */
import type { Inline, ProseNode } from '../../prose/nodes.ts';
import { escapeHtml } from './escape.ts';

export const proseHtml = (nodes: readonly ProseNode[]): string => nodes.map(nodeHtml).join('\n');

function nodeHtml(node: ProseNode): string {
  switch (node.kind) {
    case 'heading':
      return `<h${node.level + 1}>${inlinesHtml(node.inlines)}</h${node.level + 1}>`;
    case 'paragraph':
      return `<p>${inlinesHtml(node.inlines)}</p>`;
    case 'list': {
      const tag = node.ordered ? 'ol' : 'ul';
      return `<${tag}>${node.items.map((item) => `<li>${proseHtml(item)}</li>`).join('')}</${tag}>`;
    }
    case 'quote':
      return `<blockquote>${proseHtml(node.nodes)}</blockquote>`;
    case 'code':
      return `<pre dir="ltr">${escapeHtml(node.text)}</pre>`;
    case 'rule':
      return '<hr>';
    case 'table':
      return tableHtml(node);
    default:
      return node satisfies never;
  }
}

function tableHtml(table: Extract<ProseNode, { kind: 'table' }>): string {
  const row = (cells: readonly (readonly Inline[])[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${inlinesHtml(cell)}</${tag}>`).join('')}</tr>`;
  const head = table.head.length === 0 ? '' : `<thead>${row(table.head, 'th')}</thead>`;
  return `<div class="scroll"><table>${head}<tbody>${table.rows.map((cells) => row(cells, 'td')).join('')}</tbody></table></div>`;
}

function inlinesHtml(inlines: readonly Inline[]): string {
  return inlines.map(inlineHtml).join('');
}

function inlineHtml(inline: Inline): string {
  if (inline.kind === 'break') return '<br>';
  let html = escapeHtml(inline.text);
  if (inline.code) html = `<code>${html}</code>`;
  if (inline.strong) html = `<strong>${html}</strong>`;
  if (inline.emphasis) html = `<em>${html}</em>`;
  return inline.href === undefined
    ? html
    : `<a href="${escapeHtml(inline.href)}" rel="noopener noreferrer">${html}</a>`;
}
