/** Faults of the content that need no data to be seen. */
import type { FieldError } from '@guildhall/agent-sdk';
import type { ReportInput } from '../input/schema.ts';
import { type Request, requestsOf } from './requests.ts';

export function contentFaults(input: ReportInput): FieldError[] {
  const requests = requestsOf(input);
  const sources = new Set(input.data.map((source) => source.id));
  return [
    ...requests.flatMap((request) => requestFaults(request, sources)),
    ...twiceNamed(requests),
    ...chartFaults(input),
    ...tableFaults(input),
    ...findingFaults(input),
  ];
}

function requestFaults(request: Request, sources: ReadonlySet<string>): FieldError[] {
  const faults: FieldError[] = [];
  if (request.source !== undefined && !sources.has(request.source)) {
    faults.push({
      path: `${request.path}/source`,
      message: `There is no source "${request.source}". There are: ${[...sources].join(', ')}.`,
    });
  }
  request.where.forEach((condition, index) => {
    const isBare = condition.is === 'empty' || condition.is === 'filled';
    if (!isBare && condition.value === undefined)
      faults.push({ path: `${request.path}/where/${index}/value`, message: 'Give the value to compare with.' });
  });
  for (const { path, format } of request.formatPaths) {
    if (format?.style === 'currency' && format.currency === undefined)
      faults.push({ path: `${path}/currency`, message: 'Name the currency, for example "SAR".' });
  }
  return faults;
}

function twiceNamed(requests: readonly Request[]): FieldError[] {
  const seen = new Set<string>();
  return requests.flatMap((request): FieldError[] => {
    if (request.id === undefined) return [];
    const key = `${request.kind}/${request.id}`;
    if (seen.has(key))
      return [{ path: `${request.path}/id`, message: `Two ${request.kind} are called "${request.id}".` }];
    seen.add(key);
    return [];
  });
}

function chartFaults({ charts = [] }: ReportInput): FieldError[] {
  return charts.flatMap((chart, index): FieldError[] => {
    if (chart.kind === 'scatter') return [];
    if (chart.splitBy !== undefined && chart.y.length > 1)
      return [{ path: `/charts/${index}/y`, message: 'A chart that is split has one entry in y.' }];
    if (chart.kind === 'pie' && (chart.y.length > 1 || chart.splitBy !== undefined))
      return [{ path: `/charts/${index}/y`, message: 'A pie shows one measure.' }];
    return [];
  });
}

function tableFaults({ tables = [] }: ReportInput): FieldError[] {
  return tables.flatMap((table, index): FieldError[] => {
    if (table.groupBy !== undefined && table.columns !== undefined)
      return [{ path: `/tables/${index}/columns`, message: 'A grouped table has measures, not columns.' }];
    if (table.groupBy === undefined && table.measures !== undefined)
      return [{ path: `/tables/${index}/groupBy`, message: 'Measures need a column to group by.' }];
    return [];
  });
}

function findingFaults({ findings = [], period }: ReportInput): FieldError[] {
  return findings.flatMap((finding, index): FieldError[] =>
    finding.kind === 'strongest-change' && (period === undefined || period.compareWith === 'none')
      ? [
          {
            path: `/findings/${index}`,
            message: 'A change needs a period that is compared with another: set period and its compareWith.',
          },
        ]
      : [],
  );
}
