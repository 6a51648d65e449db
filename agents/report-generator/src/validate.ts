/** Faults that can be seen before a run: each with the place in the input, none costs anything. */
import type { FieldError } from '@guildhall/agent-sdk';
import type { ReportInput } from './input/schema.ts';
import { columnFaults } from './validation/column-faults.ts';
import { contentFaults } from './validation/content-faults.ts';
import { templateFaults } from './validation/template-faults.ts';

export function validateReport(input: ReportInput): readonly FieldError[] {
  return [
    ...periodFaults(input),
    ...sourceFaults(input),
    ...contentFaults(input),
    ...columnFaults(input),
    ...templateFaults(input),
  ];
}

function periodFaults({ period, timeZone, digits, language }: ReportInput): FieldError[] {
  const faults: FieldError[] = [];
  if (period !== undefined && period.from > period.to)
    faults.push({
      path: '/period',
      message: `The period is reversed: it begins on ${period.from} and ends on ${period.to}.`,
    });
  if (!isTimeZone(timeZone))
    faults.push({ path: '/timeZone', message: `"${timeZone}" is not an IANA time zone such as Asia/Riyadh.` });
  if (digits === 'eastern' && language !== 'ar')
    faults.push({ path: '/digits', message: 'Eastern digits are for Arabic reports: set language to "ar".' });
  return faults;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    // The only way the runtime has to say that it does not know a zone.
    return false;
  }
}

function sourceFaults({ data }: ReportInput): FieldError[] {
  const ids = data.map((source) => source.id);
  const faults = data.flatMap((source, index): FieldError[] =>
    ids.indexOf(source.id) === index
      ? []
      : [{ path: `/data/${index}/id`, message: `Two sources are called "${source.id}"; give each its own id.` }],
  );
  const ends = data.flatMap((source, index): FieldError[] =>
    'usage' in source &&
    source.usage.from !== undefined &&
    source.usage.to !== undefined &&
    source.usage.from > source.usage.to
      ? [{ path: `/data/${index}/usage`, message: 'The days of the usage are reversed.' }]
      : [],
  );
  return [...faults, ...ends];
}
