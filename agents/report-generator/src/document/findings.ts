/** Findings in sentences, with what is needed to check them. */
import type { Finding, FindingInput, ShownFormat } from '../report/model.ts';
import { categoryText, type Speech, WHOLE } from './cells.ts';
import type { WordedFinding } from './document.ts';
import { sentenceOf } from './sentences.ts';

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
