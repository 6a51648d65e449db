/** The agent as a whole, with its real child processes. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { runAgent } from '@guildhall/agent-sdk/testkit';
import readXlsxFile from 'read-excel-file/node';
import { describe, expect, test } from 'vitest';
import { reportGenerator } from '../src/index.ts';
import { HOUSE_TEMPLATES } from '../src/input/template.ts';
import { type GivenInput, salesRows } from './support.ts';

const PERIOD = { from: '2026-10-01', to: '2026-12-31' };
const given = (more: Partial<GivenInput> = {}): GivenInput => ({
  data: [{ id: 'sales', records: salesRows() }],
  period: PERIOD,
  ...more,
});
const SUM = { aggregation: 'sum', column: 'amount' } as const;
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#123456"/></svg>';

async function make(input: GivenInput, options: Parameters<typeof runAgent>[2] = {}) {
  const run = await runAgent(reportGenerator, input, options);
  const bytes = (extension: string): Buffer => {
    const artifact = run.artifacts.find((candidate) => candidate.name.endsWith(`.${extension}`));
    if (artifact === undefined) throw new Error(`no ${extension}: ${String(run.error)}`);
    return artifact.bytes;
  };
  return { run, bytes };
}

const PDFTOTEXT = '/usr/bin/pdftotext';
const pagesOf = (pdf: Buffer): number =>
  Number(/\/Type \/Pages\s*\/Count (\d+)/.exec(pdf.toString('latin1'))?.[1] ?? 0);

describe.each(['en', 'ar'] as const)('every house template in %s', (language) => {
  test.each(HOUSE_TEMPLATES)('%s becomes a PDF and a page', { timeout: 60_000 }, async (template) => {
    const { bytes, run } = await make(
      given({ template, language, outputs: template === 'analytics' ? ['pdf', 'html'] : ['pdf'] }),
    );
    const pdf = bytes('pdf');
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.toString('latin1')).toContain(`/Lang (${language})`);
    expect(pagesOf(pdf)).toBeGreaterThanOrEqual(2);
    if (template === 'analytics') {
      const html = bytes('html').toString();
      expect(html).toContain(`<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">`);
      expect(html).toContain('<svg role="img"');
    }
    expect(run.output?.findings.length).toBeGreaterThan(0);
    if (existsSync(PDFTOTEXT)) {
      const text = execFileSync(PDFTOTEXT, ['-', '-'], { input: pdf }).toString();
      expect(text).toContain(language === 'ar' ? 'المؤشرات الرئيسية' : 'Key figures');
    }
  });
});

describe('the files of a report', () => {
  test('an HTML page asks for nothing, runs nothing and escapes the data', { timeout: 60_000 }, async () => {
    const evil = '<script>alert(1)</script>"\'&';
    const records = [
      { name: evil, v: 1 },
      { name: 'b', v: 2 },
      { name: 'c', v: 3 },
    ];
    const input: GivenInput = {
      title: evil,
      data: [{ id: 'd', label: evil, records }],
      charts: [
        { kind: 'bar', title: evil, x: 'name', y: [{ label: evil, measure: { aggregation: 'sum', column: 'v' } }] },
      ],
      tables: [{ title: evil }],
      introduction: { body: 'From {{ data.d[0].name }}' },
      branding: { name: evil, logo: { file: 'file_logo' } },
      outputs: ['html', 'pdf', 'xlsx', 'json'],
    };
    const { bytes } = await make(input, {
      files: { file_logo: { content: Buffer.from(LOGO), name: 'logo.svg', mediaType: 'image/svg+xml' } },
    });
    const html = bytes('html').toString();
    expect(html).not.toMatch(/<script/i);
    expect(html.replaceAll('http://www.w3.org/', '')).not.toMatch(/(src|href|url)\s*[=(]\s*["']?\s*(https?:|\/\/)/i);
    expect(html).toContain("default-src 'none'");
    expect(bytes('pdf').subarray(0, 5).toString()).toBe('%PDF-');
  });

  test('a workbook holds the same numbers, typed', { timeout: 60_000 }, async () => {
    const records = [
      { day: '2026-10-05', name: '=1+1', v: '0.1' },
      { day: '2026-10-06', name: 'b', v: '0.2' },
    ];
    const tables: GivenInput['tables'] = [
      { title: 'Rows', columns: [{ column: 'day' }, { column: 'name' }, { column: 'v', format: { decimals: 1 } }] },
    ];
    const figures: GivenInput['figures'] = [{ label: 'Sum', measure: { aggregation: 'sum', column: 'v' } }];
    const { bytes } = await make({ data: [{ records }], figures, tables, charts: [], findings: [], outputs: ['xlsx'] });
    const sheets = await readXlsxFile(bytes('xlsx'));
    expect(sheets.find((sheet) => sheet.sheet === 'Rows')?.data).toEqual([
      ['Day', 'Name', 'V'],
      [new Date('2026-10-05T00:00:00Z'), '=1+1', 0.1],
      [new Date('2026-10-06T00:00:00Z'), 'b', 0.2],
      ['Total', null, 0.3],
    ]);
    expect(sheets[0]?.data.find((row) => row[0] === 'Sum')?.[1]).toBe(0.3);
  });

  test('JSON holds every fact exactly, the same as the answer', { timeout: 60_000 }, async () => {
    const { bytes, run } = await make(given({ template: 'analytics', outputs: ['json'] }));
    const facts = JSON.parse(bytes('json').toString());
    expect(facts.figures.map((figure: { value: object }) => figure.value)).toEqual(
      run.output?.figures.map((figure) => figure.value),
    );
    expect(JSON.stringify(facts)).not.toMatch(/\d\.\d*(0{8}|9{8})\d/);
  });

  test('an own template shows its sections and nothing else', { timeout: 60_000 }, async () => {
    const input = given({
      figures: [{ id: 'total', label: 'Total', measure: SUM, format: { style: 'currency', currency: 'SAR' } }],
      charts: [{ id: 'c', kind: 'pie', title: 'Shares', x: 'region', y: [{ measure: SUM }] }],
      template: {
        sections: [
          {
            kind: 'text',
            title: 'Story',
            body: '# Hello\n{% for row in data.sales limit: 2 %}\n- {{ row.region }}{% endfor %}\n\nIn all **{{ figures.total.text }}**.',
          },
          { kind: 'figures' },
        ],
      },
      outputs: ['html'],
    });
    const html = (await make(input)).bytes('html').toString();
    expect(html).toMatch(/<li>(<p>)?\w+/);
    expect(html).toMatch(/In all <strong>SAR/);
    expect(html).not.toContain('Shares');
  });

  test('own usage is a source', { timeout: 60_000 }, async () => {
    const usage = () => [
      { key: '2026-10-03', runs: 2, inputTokens: 10, outputTokens: 5, costNanos: '95000001' },
      { key: '2026-09-03', runs: 1, inputTokens: 1, outputTokens: 1, costNanos: '47500000' },
    ];
    const figures: GivenInput['figures'] = [{ label: 'Cost', measure: { aggregation: 'sum', column: 'costUsd' } }];
    const { run } = await make(
      {
        data: [{ usage: {} }],
        period: { from: '2026-10-01', to: '2026-10-31' },
        figures,
        charts: [],
        outputs: ['json'],
      },
      { usage },
    );
    expect(run.output?.figures[0]).toMatchObject({ value: { value: '0.095000001' }, previous: { value: '0.0475' } });
  });
});

describe('steps', () => {
  let whole: Awaited<ReturnType<typeof make>> | undefined;
  test.each([1, 2, 3])('a crash after step %i changes nothing', { timeout: 90_000 }, async (crashAfterStep) => {
    const input = given({ template: 'executive', outputs: ['pdf', 'html', 'json'] });
    const options = { createdAt: new Date('2027-01-04T09:00:00Z') };
    whole ??= await make(input, options);
    const resumed = await make(input, { ...options, crashAfterStep });
    expect(resumed.run.error).toBeUndefined();
    expect(resumed.run.output).toEqual({ ...whole.run.output, artifacts: expect.any(Array) });
    for (const format of ['pdf', 'html', 'json'])
      expect(whole?.bytes(format).equals(resumed.bytes(format)), format).toBe(true);
  });

  test('a table of 5,000 rows is a PDF in less than 5 seconds', { timeout: 60_000 }, async () => {
    const input: GivenInput = {
      data: [{ records: salesRows(5_000) }],
      tables: [{ title: 'All', limit: 5_000 }],
      charts: [],
      findings: [],
    };
    const startedAt = performance.now();
    const { bytes } = await make(input);
    expect(performance.now() - startedAt).toBeLessThan(5_000 * slowness());
    expect(pagesOf(bytes('pdf'))).toBeGreaterThan(50);
  });
});

/** A machine that is busy with other work may take longer; measured by a loop that takes about 60 ms on an idle one. */
function slowness(): number {
  const startedAt = performance.now();
  let total = 0;
  for (let index = 0; index < 60_000_000; index += 1) total = (total + index) % 1_000_003;
  return total < 0 ? 0 : Math.max(1, (performance.now() - startedAt) / 60);
}

describe('a report that cannot be made leaves nothing', () => {
  test.each<[string, Partial<GivenInput>, string]>([
    [
      'a template without an end',
      {
        introduction: {
          body: '{% for i in (1..100000) %}{% for j in (1..100000) %}{% assign x = j %}{% endfor %}{% endfor %}',
        },
      },
      'template-limit',
    ],
    ['a template that reads a file', { introduction: { body: '{% render "/etc/passwd" %}' } }, 'input-invalid'],
    [
      'more buckets than an axis holds',
      { charts: [{ kind: 'line', title: 't', x: 'date', bucket: 'hour', y: [{ measure: SUM }] }] },
      'too-many-buckets',
    ],
    ['a logo with a script', { branding: { logo: { file: 'file_logo' } } }, 'logo-unsafe'],
  ])('%s', { timeout: 60_000 }, async (_, more, reason) => {
    const content = LOGO.replace('<rect', '<script>x()</script><rect');
    const { run } = await make(given({ ...more, outputs: ['pdf', 'json'] }), {
      files: { file_logo: { content: Buffer.from(content), name: 'l.svg' } },
    });
    expect(run.error).toMatchObject({ name: 'AgentError', reason });
    expect(run.artifacts).toEqual([]);
  });

  test('a file with a broken quote names its row', { timeout: 60_000 }, async () => {
    const { run } = await make(
      { data: [{ file: { file: 'file_1' } }] },
      { files: { file_1: { content: Buffer.from('a,b\n1,"x\n'), name: 'x.csv' } } },
    );
    expect(run.error).toMatchObject({ reason: 'csv-broken', message: expect.stringContaining('row') });
  });
});
