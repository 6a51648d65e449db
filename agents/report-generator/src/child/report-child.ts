/** The work of the child process: read, compute, word, draw. Everything a stranger wrote is touched here and nowhere else. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Json, sandboxEntry } from '@guildhall/agent-sdk';
import { buildDocument } from '../document/build.ts';
import type { Speech } from '../document/cells.ts';
import type { ReportDocument } from '../document/document.ts';
import type { ReportFormat } from '../input/schema.ts';
import { type Logo, readLogo } from '../render/logo.ts';
import { type Computed, computeReport } from '../report/compute.ts';
import { wordsOf } from '../wording/index.ts';
import { numberWriter } from '../wording/number-text.ts';
import type { Checked, Order, Rendered } from './order.ts';

export default sandboxEntry(async (order: Json, { writeDir }) => {
  // Made by `runChild` in exactly this shape.
  const answer = await perform(order as unknown as Order, writeDir);
  // Both answers hold only JSON.
  return answer as unknown as Json;
});

export async function perform(order: Order, writeDir: string): Promise<Checked | Rendered> {
  const { input, task } = order;
  const computed = await computeReport(input, order.sources);
  const speech: Speech = {
    words: wordsOf(input.language),
    write: numberWriter({ language: input.language, digits: input.digits }),
  };
  const logo = order.logoPath === null ? undefined : await readLogo(order.logoPath);
  const factsSha256 = createHash('sha256').update(JSON.stringify(computed.facts)).digest('hex');
  if (task === 'check') {
    const document = buildDocument(input, computed, { draw: () => '' }, order.createdAt);
    const { figures, findings, sources, notes, charts, tables } = computed.facts;
    return {
      title: document.title,
      figures,
      findings,
      sources,
      notes,
      charts: charts.length,
      tables: tables.length,
      factsSha256,
    };
  }
  const document = buildDocument(input, computed, await drawingFor(task, order, speech), order.createdAt);
  const bytes = await render(task, { document, computed, speech, logo, writeDir });
  const file = join(writeDir, `report.${task}`);
  await writeFile(file, bytes);
  return { file, factsSha256 };
}

/** The drawing library takes 100 ms to load: only where something is drawn. */
async function drawingFor(task: ReportFormat, { input }: Order, speech: Speech) {
  if (task !== 'pdf' && task !== 'html') return { draw: () => '' };
  const { drawChart } = await import('../render/charts/draw.ts');
  const look = { ...input.branding, rightToLeft: input.language === 'ar' };
  return { draw: (chart: Parameters<typeof drawChart>[0]) => drawChart(chart, speech, look) };
}

interface Means {
  readonly document: ReportDocument;
  readonly computed: Computed;
  readonly speech: Speech;
  readonly logo: Logo | undefined;
  readonly writeDir: string;
}

async function render(
  format: ReportFormat,
  { document, computed, speech, logo, writeDir }: Means,
): Promise<Uint8Array> {
  switch (format) {
    case 'pdf': {
      const { renderPdf } = await import('../render/pdf/pdf.ts');
      const workspace = join(writeDir, 'typst');
      await mkdir(workspace, { recursive: true });
      return renderPdf(document, logo, workspace);
    }
    case 'html': {
      const { renderHtml } = await import('../render/html/html.ts');
      return renderHtml(document, logo);
    }
    case 'xlsx': {
      const { renderXlsx } = await import('../render/xlsx/xlsx.ts');
      return renderXlsx(document, computed.facts, speech);
    }
    case 'json': {
      const { renderJson } = await import('../render/json/json.ts');
      return renderJson(document, computed);
    }
    default:
      return format satisfies never;
  }
}
