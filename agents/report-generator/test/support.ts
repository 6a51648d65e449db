/** What the tests of the agent share: small tables and whole inputs. */
import type { z } from 'zod';
import { type ReportInput, reportInput } from '../src/input/schema.ts';
import { type Computed, computeReport } from '../src/report/compute.ts';

export type GivenInput = z.input<typeof reportInput>;
export type Row = Readonly<Record<string, string | number | null>>;

/** Computes without a child process; sources other than records are not offered. */
export async function compute(given: GivenInput): Promise<Computed & { readonly input: ReportInput }> {
  const input = reportInput.parse(given);
  const sources = input.data.map((source) => ({
    id: source.id,
    label: source.label ?? source.id,
    dateColumn: source.dateColumn,
    columns: source.columns,
    content: { kind: 'records' as const, records: 'records' in source ? source.records : [] },
  }));
  return { ...(await computeReport(input, sources)), input };
}

/** Two quarters of sales that differ, in a fixed order. */
export function salesRows(count = 240): Row[] {
  const regions = ['North', 'South', 'East', 'West'];
  const products = ['Cement', 'Steel', 'Timber'];
  const first = Date.UTC(2026, 6, 1);
  return Array.from({ length: count }, (_, index) => ({
    date: new Date(first + ((index * 7) % 184) * 86_400_000).toISOString().slice(0, 10),
    region: regions[index % 4] ?? '',
    product: products[index % 3] ?? '',
    units: (index % 17) + 1,
    amount: (((index % 17) + 1) * 1_250 * (index % 3 === 0 ? 3 : 1)) / 100,
  }));
}
