/** Every fact, exact: decimals as text, so that no reader turns them into floats. */
import type { ReportDocument } from '../../document/document.ts';
import type { Computed } from '../../report/compute.ts';

const SCHEMA = 'guildhall.report.v1';

export function renderJson(document: ReportDocument, computed: Computed): Uint8Array {
  const { period, facts } = computed;
  const head = {
    schema: SCHEMA,
    title: document.title,
    language: document.language,
    createdAt: document.createdAt,
    period:
      period === undefined
        ? null
        : { from: period.current.from, to: period.current.to, comparedWith: period.previous ?? null },
    rounding:
      'Sums, counts, smallest and largest are exact. Quotients have at most 12 digits after the point, rounded half away from zero; "exact" says whether any were cut.',
  };
  return Buffer.from(`${JSON.stringify({ ...head, ...facts }, null, 2)}\n`);
}
