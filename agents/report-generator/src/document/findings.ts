/** Findings in sentences, with what is needed to check them. */
import type { Finding, FindingInput, ShownFormat } from '../report/model.ts';
import { categoryText, type Speech, subjectText, WHOLE } from './cells.ts';
import type { Direction, WordedFinding } from './document.ts';
import { directionOf } from './parts.ts';

/** Shown beside a finding; the JSON output holds all. */
const INPUTS_SHOWN = 6;

export function wordFinding(finding: Finding, speech: Speech): WordedFinding {
  const { words, write } = speech;
  const inputs =
    finding.result?.kind === 'outliers'
      ? outlierInputs(finding, speech)
      : finding.inputs.slice(0, INPUTS_SHOWN).map((input) => inputText(input, finding.format, speech));
  const more = finding.inputs.length - INPUTS_SHOWN;
  return {
    kind: words.finds.titles[finding.kind],
    ...sentenceOf(finding, speech),
    formula: finding.formula,
    inputs:
      more > 0 && finding.result?.kind !== 'outliers'
        ? [...inputs, { name: '…', value: `+${write.number(String(more), WHOLE)}` }]
        : inputs,
  };
}

function inputText(input: FindingInput, format: ShownFormat, speech: Speech): { name: string; value: string } {
  const name = typeof input.name === 'string' ? input.name : categoryText(input.name, speech);
  const value = speech.write.number(input.value, format);
  if (input.previous === undefined) return { name, value };
  const before = input.previous === null ? speech.words.noValue : speech.write.number(input.previous, format);
  return { name, value: `${value} (${speech.words.previous} ${before})` };
}

function outlierInputs(finding: Finding, speech: Speech): { name: string; value: string }[] {
  const { words, write } = speech;
  const rows = finding.result?.kind === 'outliers' ? finding.result.rows : [];
  const fences = finding.inputs.map((input) => ({
    name: String(input.name),
    value: write.number(
      input.value,
      input.name === 'n' ? WHOLE : { ...finding.format, decimals: Math.max(finding.format.decimals, 2) },
    ),
  }));
  const listed = rows.slice(0, INPUTS_SHOWN).map((row) => ({
    name: `${words.row} ${write.number(String(row.row), WHOLE)}${row.name === null ? '' : ` · ${row.name}`}`,
    value: write.number(row.value, finding.format),
  }));
  return [...fences, ...listed];
}

function sentenceOf(finding: Finding, speech: Speech): { sentence: string; direction: Direction } {
  const { words, write } = speech;
  const subject = subjectText(finding.subject, speech);
  const result = finding.result;
  const show = (value: string): string => write.number(value, finding.format);
  if (result === null) return { sentence: `${subject}: ${words.finds.nothing}`, direction: 'flat' };
  switch (result.kind) {
    case 'largest-contributor': {
      const parts = {
        name: categoryText(result.name, speech),
        subject,
        value: show(result.value.value),
        share: write.percent(result.share.value),
        total: show(result.total.value),
        names: write.number(String(result.names), WHOLE),
      };
      return { sentence: words.finds.largest(parts), direction: 'flat' };
    }
    case 'strongest-change': {
      const direction = directionOf(result.change.absolute.value);
      const relative = result.change.relative === null ? null : write.signedPercent(result.change.relative.value);
      const name = result.name === null ? words.total : categoryText(result.name, speech);
      const absolute = show(result.change.absolute.value.replace(/^-/, ''));
      return {
        sentence: words.finds.changed({
          name,
          subject,
          value: show(result.value.value),
          previous: show(result.previous.value),
          absolute,
          relative,
          direction,
        }),
        direction,
      };
    }
    case 'outliers': {
      const fence = (value: string): string =>
        write.number(value, { ...finding.format, decimals: Math.max(finding.format.decimals, 2) });
      const parts = {
        subject,
        count: write.number(String(result.count), WHOLE),
        of: write.number(String(result.of), WHOLE),
        low: fence(result.low.value),
        high: fence(result.high.value),
        none: result.count === 0,
      };
      return { sentence: words.finds.outliers(parts), direction: 'flat' };
    }
    case 'trend': {
      const slope = write.number(result.slope.value.replace(/^-/, ''), {
        ...finding.format,
        decimals: Math.max(finding.format.decimals, 2),
      });
      const fit = result.fit === null ? null : write.number(result.fit.value, { style: 'number', decimals: 2 });
      const parts = {
        subject,
        slope,
        per: words.per(result.bucket),
        fit,
        direction: result.direction,
        buckets: write.number(String(result.buckets), WHOLE),
      };
      return { sentence: words.finds.trend(parts), direction: result.direction };
    }
    default:
      return result satisfies never;
  }
}
