/** One file that needs nothing else: no scripts, no requests. */
import type { ReportDocument } from '../../document/document.ts';
import type { Logo } from '../logo.ts';
import { blockHtml } from './blocks.ts';
import { escapeHtml } from './escape.ts';
import { fontFaces, fontFamily } from './fonts.ts';
import { styleSheet } from './style.ts';

/** Second wall behind escaping: even a script that got in would not run, and nothing could be fetched. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'";

export async function renderHtml(document: ReportDocument, logo: Logo | undefined): Promise<Uint8Array> {
  const style = styleSheet(document, await fontFaces(document), fontFamily(document));
  const body = document.blocks.map((block) => blockHtml(block, document.words)).join('\n');
  const html = `<!doctype html>
<html lang="${document.language}" dir="${document.direction}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(document.title)}</title>
<style>${style}</style>
</head>
<body><main>
${headerHtml(document, logo)}
${body}
</main></body>
</html>
`;
  return Buffer.from(html);
}

function headerHtml(document: ReportDocument, logo: Logo | undefined): string {
  const facts = document.facts
    .map((fact) => `<div><dt>${escapeHtml(fact.label)}</dt><dd>${escapeHtml(fact.text)}</dd></div>`)
    .join('');
  // As an image, an SVG runs no scripts and loads nothing.
  const picture =
    logo === undefined
      ? ''
      : `<img alt="${escapeHtml(document.house)}" src="data:image/${logo.kind === 'svg' ? 'svg+xml' : 'png'};base64,${Buffer.from(logo.bytes).toString('base64')}">`;
  const kicker = document.kicker === '' ? '' : `<div class="kicker">${escapeHtml(document.kicker)}</div>`;
  const subtitle = document.subtitle === '' ? '' : `<p>${escapeHtml(document.subtitle)}</p>`;
  const house = picture || `<div class="house">${escapeHtml(document.house)}</div>`;
  return `<header${document.cover ? ' class="cover"' : ''}><div class="top"><div>${kicker}<h1>${escapeHtml(document.title)}</h1>${subtitle}</div>${house}</div><dl>${facts}</dl></header>`;
}
