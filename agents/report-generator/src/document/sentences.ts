/** One sentence for each kind of finding. */
import type { Finding, FindingResult, ShownFormat } from '../report/model.ts';
import { categoryText, type Speech, subjectText, WHOLE } from './cells.ts';
import { directionOf } from './direction.ts';
import type { Direction } from './document.ts';

export interface Sentence {
  readonly sentence: string;
  readonly direction: Direction;
}

interface Telling {
  readonly subject: string;
  readonly format: ShownFormat;
  readonly speech: Speech;
}
type Result<Kind extends FindingResult['kind']> = Extract<FindingResult, { kind: Kind }>;

export function sentenceOf(finding: Finding, speech: Speech): Sentence {
  const subject = subjectText(finding.subject, speech);
  const telling: Telling = { subject, format: finding.format, speech };
  const { result } = finding;
  if (result === null) return { sentence: `${subject}: ${speech.words.finds.nothing}`, direction: 'flat' };
  switch (result.kind) {
    case 'largest-contributor':
      return contributor(result, telling);
    case 'strongest-change':
      return change(result, telling);
    case 'outliers':
      return outliers(result, telling);
    case 'trend':
      return trend(result, telling);
    default:
      return result satisfies never;
  }
}

const whole = (value: number, { write }: Speech): string => write.number(String(value), WHOLE);
const unsigned = (value: string): string => value.replace(/^-/, '');
/** Bounds and slopes are quotients: whole numbers would hide them. */
const finer = (format: ShownFormat): ShownFormat => ({ ...format, decimals: Math.max(format.decimals, 2) });

function contributor(result: Result<'largest-contributor'>, { subject, format, speech }: Telling): Sentence {
  const { words, write } = speech;
  const sentence = words.finds.largest({
    name: categoryText(result.name, speech),
    subject,
    value: write.number(result.value.value, format),
    share: write.percent(result.share.value),
    total: write.number(result.total.value, format),
    names: whole(result.names, speech),
  });
  return { sentence, direction: 'flat' };
}

function change(result: Result<'strongest-change'>, { subject, format, speech }: Telling): Sentence {
  const { words, write } = speech;
  const direction = directionOf(result.change.absolute.value);
  const sentence = words.finds.changed({
    name: result.name === null ? words.total : categoryText(result.name, speech),
    subject,
    value: write.number(result.value.value, format),
    previous: write.number(result.previous.value, format),
    absolute: write.number(unsigned(result.change.absolute.value), format),
    relative: result.change.relative === null ? null : write.signedPercent(result.change.relative.value),
    direction,
  });
  return { sentence, direction };
}

function outliers(result: Result<'outliers'>, { subject, format, speech }: Telling): Sentence {
  const { words, write } = speech;
  const sentence = words.finds.outliers({
    subject,
    count: whole(result.count, speech),
    of: whole(result.of, speech),
    low: write.number(result.low.value, finer(format)),
    high: write.number(result.high.value, finer(format)),
    none: result.count === 0,
  });
  return { sentence, direction: 'flat' };
}

function trend(result: Result<'trend'>, { subject, format, speech }: Telling): Sentence {
  const { words, write } = speech;
  const sentence = words.finds.trend({
    subject,
    slope: write.number(unsigned(result.slope.value), finer(format)),
    per: words.per(result.bucket),
    fit: result.fit === null ? null : write.number(result.fit.value, { style: 'number', decimals: 2 }),
    direction: result.direction,
    buckets: whole(result.buckets, speech),
  });
  return { sentence, direction: result.direction };
}
