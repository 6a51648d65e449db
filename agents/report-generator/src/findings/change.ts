/** What moved most: the name with the largest |value − previous|. */
import type { FindingRequest } from '../input/content.ts';
import { changeOf } from '../measures/figure.ts';
import { groupByName } from '../measures/groups.ts';
import { amountOf, evaluate, formulaOf, type Rows } from '../measures/measure.ts';
import type { PeriodRows } from '../measures/rows.ts';
import { shownFormat } from '../measures/shown-format.ts';
import { compare, magnitude, minus, plain, type Rounded } from '../numbers/decimal.ts';
import type { Category } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { type Found, INPUTS_MAX, subjectOf } from './found.ts';

type ChangeRequest = Extract<FindingRequest, { kind: 'strongest-change' }>;
interface Pair {
  readonly name: Category | null;
  readonly value: Rounded;
  readonly previous: Rounded;
}

export function strongestChange(request: ChangeRequest, table: Table, rows: PeriodRows): Found {
  const formula = formulaOf(request.measure);
  const pairs = rows.previous === undefined ? [] : pairsOf(request, table, rows.current, rows.previous);
  const ordered = [...pairs].sort((a, b) => compare(distance(b), distance(a)));
  const [first] = ordered;
  return {
    subject: subjectOf(request.label, { measure: request.measure }),
    formula:
      request.by === undefined
        ? `change = ${formula} now − ${formula} before`
        : `largest |change| over ${request.by}, change = ${formula} now − ${formula} before`,
    format: shownFormat(
      request.format,
      pairs.flatMap((pair) => [pair.value.amount, pair.previous.amount]),
    ),
    inputs: ordered.slice(0, INPUTS_MAX).map((pair) => ({
      name: pair.name ?? formula,
      value: plain(pair.value.amount),
      previous: plain(pair.previous.amount),
    })),
    result:
      first === undefined
        ? null
        : {
            kind: 'strongest-change',
            name: first.name,
            value: amountOf(first.value),
            previous: amountOf(first.previous),
            change: changeOf(first.value, first.previous),
          },
  };
}

const distance = (pair: Pair) => magnitude(minus(pair.value.amount, pair.previous.amount));

/** A name missing in one of the periods counts as what the measure gives for no rows: zero for sums and counts, else it is left out. */
function pairsOf(request: ChangeRequest, table: Table, current: Rows, previous: Rows): Pair[] {
  const pair = (name: Category | null, now: Rows, before: Rows): Pair[] => {
    const value = evaluate(request.measure, table, now);
    const earlier = evaluate(request.measure, table, before);
    return value === undefined || earlier === undefined ? [] : [{ name, value, previous: earlier }];
  };
  if (request.by === undefined) return pair(null, current, previous);
  const now = new Map(groupByName(table, current, request.by).map((group) => [keyOf(group.category), group]));
  const before = new Map(groupByName(table, previous, request.by).map((group) => [keyOf(group.category), group]));
  return [...new Map([...now, ...before])].flatMap(([key, group]) =>
    pair(group.category, now.get(key)?.rows ?? [], before.get(key)?.rows ?? []),
  );
}

const keyOf = (category: Category): string => (category.kind === 'name' ? `=${category.name}` : category.kind);
