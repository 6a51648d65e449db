/** Writes the sample list of the repository: `node agents/data-processor/test/make-sample.ts`. */
import { writeFileSync } from 'node:fs';
import { orderLines } from './make-csv.ts';

const SAMPLE_ROWS = 500;
/** Bad rows come every 200 rows; a sample from a list begun near one shows all five kinds. */
const lines = [...orderLines(4000, 2026)];
const bad = lines.filter((line) => line.bad).slice(0, 5);
const good = lines.filter((line) => !line.bad).slice(0, SAMPLE_ROWS + 1);
const rows = good.flatMap((line, index) => (index > 0 && index % 100 === 0 ? [line, ...bad.splice(0, 1)] : [line]));
writeFileSync(new URL('../examples/orders.csv', import.meta.url), rows.map((row) => row.line).join(''));
