/** Report generator: data in, a report for people out. No model is involved. */
import { defineAgent } from '@guildhall/agent-sdk';
import { DESCRIPTION } from './description.ts';
import { EXAMPLES } from './examples.ts';
import { reportInput } from './input/schema.ts';
import { reportOutput } from './output.ts';
import { runReport } from './run.ts';
import { validateReport } from './validate.ts';

export const reportGenerator = defineAgent({
  id: 'report-generator',
  version: '1.0.0',
  title: 'Report generator',
  summary:
    'Turns data into a PDF, HTML, XLSX or JSON report with figures, charts, tables and findings that can be recomputed.',
  description: DESCRIPTION,
  category: 'data',
  needsModel: false,
  input: reportInput,
  output: reportOutput,
  examples: EXAMPLES,
  limits: { timeoutMs: 600_000, stepsMax: 20 },
  validate: validateReport,
  run: runReport,
});
