/** Sets a report with Typst. The source is ours and fixed; everything of the report reaches it as data. */
import { readFile } from 'node:fs/promises';
import { NodeCompiler } from '@myriaddreamin/typst-ts-node-compiler';
import type { Block, ReportDocument } from '../../document/document.ts';
import { fontFiles, fontStack } from '../fonts.ts';
import type { Logo } from '../logo.ts';

const LAYOUT = ['report.typ', 'blocks.typ', 'prose.typ'] as const;

/** `workspace` is an empty folder: the only place Typst may read from. Nothing is ever written into it. */
export async function renderPdf(
  document: ReportDocument,
  logo: Logo | undefined,
  workspace: string,
): Promise<Uint8Array> {
  const fonts = await Promise.all(fontFiles(document.font).map((font) => readFile(font.path)));
  const compiler = NodeCompiler.create({ workspace, fontArgs: [{ fontBlobs: fonts }] });
  for (const name of LAYOUT)
    compiler.mapShadow(`${workspace}/${name}`, await readFile(new URL(`./${name}`, import.meta.url)));
  compiler.mapShadow(`${workspace}/report.json`, Buffer.from(JSON.stringify(pdfData(document, logo))));
  if (logo !== undefined) compiler.mapShadow(`${workspace}/logo.${logo.kind}`, Buffer.from(logo.bytes));
  const compiled = compiler.compile({ mainFilePath: `${workspace}/report.typ` });
  if (compiled.result === null)
    throw new Error(`typst: ${JSON.stringify(compiled.takeDiagnostics()?.shortDiagnostics).slice(0, 2_000)}`);
  return compiler.pdf(compiled.result, { creationTimestamp: Math.floor(Date.parse(document.createdAt) / 1_000) });
}

function pdfData(document: ReportDocument, logo: Logo | undefined): object {
  return {
    ...document,
    blocks: document.blocks.map(withBreaks),
    logo: logo === undefined ? null : `logo.${logo.kind}`,
    fonts: fontStack(document.font, document.language),
  };
}

/** A word longer than this would run over its column. */
const LONG_WORD = /[^\s\u200b]{14}(?=[^\s\u200b]{4})/gu;
const ZERO_WIDTH_SPACE = '\u200b';

/** Long words of a table may be broken; numbers stay whole, for their columns are as wide as they are. */
function withBreaks(block: Block): Block {
  if (block.kind !== 'table') return block;
  const { columns, rows } = block.table;
  const breakable = (cell: string, index: number): string =>
    columns[index]?.width === 'narrow' ? cell : cell.replace(LONG_WORD, (start) => start + ZERO_WIDTH_SPACE);
  return { ...block, table: { ...block.table, rows: rows.map((row) => row.map(breakable)) } };
}
