/** Markdown, HTML and plain text into prose nodes. Whatever is not on the list below is left out; its text stays. */
import { marked } from 'marked';
import { parseFragment } from 'parse5';
import type { TextSection } from '../input/template.ts';
import type { Inline, ProseNode } from './nodes.ts';

/** Deeper markup is an attack on whoever walks it. */
const DEPTH_MAX = 24;
const DROPPED = new Set([
  'script',
  'style',
  'iframe',
  'object',
  'embed',
  'svg',
  'math',
  'template',
  'noscript',
  'head',
  'title',
  'form',
  'input',
  'button',
  'select',
  'textarea',
]);
const HEADINGS: Readonly<Record<string, 1 | 2 | 3>> = { h1: 1, h2: 2, h3: 3, h4: 3, h5: 3, h6: 3 };
const INLINE = new Set([
  'a',
  'abbr',
  'b',
  'big',
  'br',
  'cite',
  'code',
  'del',
  'em',
  'font',
  'i',
  'img',
  'kbd',
  'mark',
  's',
  'small',
  'span',
  'strong',
  'sub',
  'sup',
  'u',
  'var',
  '#text',
]);
const SAFE_LINK = /^(https?:\/\/|mailto:)[^\s]+$/i;

export function parseProse(text: string, format: TextSection['format']): readonly ProseNode[] {
  switch (format) {
    case 'text':
      return plainParagraphs(text);
    case 'html':
      return fromHtml(text);
    case 'markdown':
      return fromHtml(marked.parse(text, { async: false, gfm: true }));
    default:
      return format satisfies never;
  }
}

function plainParagraphs(text: string): ProseNode[] {
  const paragraphs = text
    .replaceAll('\r\n', '\n')
    .split(/\n\s*\n/)
    .filter((part) => part.trim() !== '');
  return paragraphs.map((part) => ({
    kind: 'paragraph',
    inlines: part
      .trim()
      .split('\n')
      .flatMap((line, index): Inline[] => [
        ...(index === 0 ? [] : [{ kind: 'break' } as const]),
        { kind: 'text', text: line },
      ]),
  }));
}

/** The part of a parsed node that is used here. */
interface Markup {
  readonly nodeName: string;
  readonly value?: string;
  readonly attrs?: readonly { readonly name: string; readonly value: string }[];
  readonly childNodes?: readonly Markup[];
}

function fromHtml(html: string): readonly ProseNode[] {
  // parse5 nodes are a union without a common shape; every member has these fields or lacks them.
  const root = parseFragment(html) as Markup;
  return blocks(root.childNodes ?? [], 0);
}

type Style = Omit<Extract<Inline, { kind: 'text' }>, 'kind' | 'text'>;

/** Runs of inline nodes between blocks become paragraphs. */
function blocks(nodes: readonly Markup[], depth: number): ProseNode[] {
  const out: ProseNode[] = [];
  let run: Markup[] = [];
  const close = (): void => {
    const inlines = inlinesOf(run, {}, depth);
    if (inlines.some((inline) => inline.kind === 'text' && inline.text.trim() !== ''))
      out.push({ kind: 'paragraph', inlines });
    run = [];
  };
  for (const node of nodes) {
    if (DROPPED.has(node.nodeName) || node.nodeName === '#comment') continue;
    if (INLINE.has(node.nodeName)) {
      run.push(node);
      continue;
    }
    close();
    out.push(...block(node, depth + 1));
  }
  close();
  return out;
}

function block(node: Markup, depth: number): ProseNode[] {
  const children = node.childNodes ?? [];
  const name = node.nodeName;
  if (depth > DEPTH_MAX) return [{ kind: 'paragraph', inlines: [{ kind: 'text', text: plainText(node, 0) }] }];
  const level = HEADINGS[name];
  if (level !== undefined) return [{ kind: 'heading', level, inlines: inlinesOf(children, {}, depth) }];
  switch (name) {
    case 'p':
      return blocks(children, depth);
    case 'ul':
    case 'ol':
      return [
        {
          kind: 'list',
          ordered: name === 'ol',
          items: children
            .filter((child) => child.nodeName === 'li')
            .map((item) => blocks(item.childNodes ?? [], depth)),
        },
      ];
    case 'blockquote':
      return [{ kind: 'quote', nodes: blocks(children, depth) }];
    case 'pre':
      return [{ kind: 'code', text: plainText(node, 0).replace(/\n$/, '') }];
    case 'hr':
      return [{ kind: 'rule' }];
    case 'table':
      return tableOf(node, depth);
    default:
      return blocks(children, depth);
  }
}

function tableOf(node: Markup, depth: number): ProseNode[] {
  const rows = rowsIn(node, 0).map((row) =>
    (row.childNodes ?? []).filter((cell) => cell.nodeName === 'td' || cell.nodeName === 'th'),
  );
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  if (width === 0) return [];
  const cells = rows.map((row) =>
    Array.from({ length: width }, (_, index) => inlinesOf(row[index]?.childNodes ?? [], {}, depth)),
  );
  const isHead = rows[0]?.every((cell) => cell.nodeName === 'th') ?? false;
  return [{ kind: 'table', head: isHead ? (cells[0] ?? []) : [], rows: isHead ? cells.slice(1) : cells }];
}

function rowsIn(node: Markup, depth: number): Markup[] {
  if (depth > 3) return [];
  return (node.childNodes ?? []).flatMap((child) => (child.nodeName === 'tr' ? [child] : rowsIn(child, depth + 1)));
}

function inlinesOf(nodes: readonly Markup[], style: Style, depth: number): Inline[] {
  return nodes.flatMap((node): Inline[] => {
    if (node.nodeName === '#text')
      return node.value ? [{ kind: 'text', text: node.value.replace(/\s+/g, ' '), ...style }] : [];
    if (node.nodeName === 'br') return [{ kind: 'break' }];
    if (DROPPED.has(node.nodeName)) return [];
    if (depth > DEPTH_MAX) return [{ kind: 'text', text: plainText(node, 0), ...style }];
    return inlinesOf(node.childNodes ?? [], { ...style, ...styleOf(node) }, depth + 1);
  });
}

function styleOf(node: Markup): Style {
  switch (node.nodeName) {
    case 'b':
    case 'strong':
    case 'th':
      return { strong: true };
    case 'i':
    case 'em':
    case 'cite':
      return { emphasis: true };
    case 'code':
    case 'kbd':
      return { code: true };
    case 'a': {
      const href = node.attrs?.find((attribute) => attribute.name === 'href')?.value ?? '';
      return SAFE_LINK.test(href) ? { href } : {};
    }
    default:
      return {};
  }
}

function plainText(node: Markup, depth: number): string {
  if (node.value !== undefined && node.nodeName === '#text') return node.value;
  if (depth > 200) return '';
  return (node.childNodes ?? []).map((child) => plainText(child, depth + 1)).join('');
}
