/** The days a report speaks of, and the days it compares them with. */
import { addDays, addMonths, daysBetween, isMonthEnd, isMonthStart } from '../numbers/calendar.ts';

export type Comparison = 'previous' | 'previous-year' | 'none';

/** Both ends belong to it. */
export interface Span {
  readonly from: string;
  readonly to: string;
}

export interface Period {
  readonly current: Span;
  /** Undefined when no comparison is wanted. */
  readonly previous: Span | undefined;
}

/**
 * `previous` is the span of the same length directly before; whole calendar months are compared with as many whole months, so March
 * is compared with February although it is longer. `previous-year` moves both ends by twelve months.
 */
export function periodOf(from: string, to: string, comparison: Comparison): Period {
  return { current: { from, to }, previous: earlier(from, to, comparison) };
}

function earlier(from: string, to: string, comparison: Comparison): Span | undefined {
  if (comparison === 'none') return undefined;
  if (comparison === 'previous-year') {
    const end = addMonths(to, -12);
    return { from: addMonths(from, -12), to: isMonthEnd(to) ? monthEnd(end) : end };
  }
  const lastDay = addDays(from, -1);
  if (isMonthStart(from) && isMonthEnd(to)) {
    const months = monthIndex(to) - monthIndex(from) + 1;
    return { from: addMonths(from, -months), to: lastDay };
  }
  return { from: addDays(from, -(daysBetween(from, to) + 1)), to: lastDay };
}

const monthIndex = (day: string): number => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
const monthEnd = (day: string): string => addDays(addMonths(`${day.slice(0, 7)}-01`, 1), -1);

export const isWithin = (moment: string, span: Span): boolean => {
  const day = moment.slice(0, 10);
  return day >= span.from && day <= span.to;
};
