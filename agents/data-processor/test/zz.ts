import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
import { writeFileSync, mkdirSync } from 'node:fs';
import { runAgent } from '@guildhall/agent-sdk/testkit';
import agent from '/work/main/agents/data-processor/src/index.ts';
const show = async (name: string, input: any, files: any = {}) => {
  const t = performance.now();
  const r = await runAgent(agent, input, { files });
  require('node:fs').appendFileSync('/tmp/dp/hard.out', '\n'+name+' '+r.error?.reason+' '+r.error?.message);console.log(name, (performance.now() - t).toFixed(0) + 'ms', r.error ? `${r.error.reason ?? r.error}: ${r.error.message} ${r.error.cause ?? ''}`.slice(0, 500) : `ok rows ${r.output?.rows} rejected ${r.output?.rejects.rows} bytes(out) ${JSON.stringify(r.output).length} peak ${JSON.stringify(r.logs.map(l => (l.data as any)?.peakMemoryBytes))} ${JSON.stringify(r.logs.map(l => (l.data as any)?.timings))}`);
};
const F = '/tmp/dp/h'; mkdirSync(F, { recursive: true });
const which = process.argv[2];
if (!which || which === 'wide') {
  for (const n of [1000, 10000]) {
    const wide = [Array.from({ length: n }, (_, i) => `c${i}`).join(','), ...Array.from({ length: 20 }, (_, r) => Array.from({ length: n }, (_, i) => r * i).join(','))].join('\n');
    writeFileSync(F + '/wide.csv', wide);
    await show('wide ' + n, { sources: [{ file: 'file_1' }], outputs: ['csv', 'parquet'] }, { file_1: F + '/wide.csv' });
  }
}
if (!which || which === 'json') {
  let s = ''; for (let i = 0; i < 500_000; i++) s += `{"id":${i},"name":"نورة ${i}","amount":${i}.25,"tags":["a",${i}]}\n`;
  writeFileSync(F + '/b.ndjson', s);
  await show('ndjson 500k', { sources: [{ file: 'file_1' }], outputs: ['parquet'] }, { file_1: F + '/b.ndjson' });
  writeFileSync(F + '/b.json', '[' + s.trim().split('\n').join(',\n') + ']');
  await show('json 500k', { sources: [{ file: 'file_1' }], outputs: ['parquet'] }, { file_1: F + '/b.json' });
}
if (!which || which === 'x') {
  let s = 'id,name,a,b,c,d\n'; for (let i = 0; i < 100_000; i++) s += `${i},نورة ${i},${i}.5,2026-01-01,true,x\n`;
  writeFileSync(F + '/x.csv', s);
  await show('csv→xlsx 100k', { sources: [{ file: 'file_1' }], outputs: ['xlsx', 'xml'] }, { file_1: F + '/x.csv' });
}
if (!which || which === 'cross') {
  let s = 'k,v\n'; for (let i = 0; i < 20_000; i++) s += `1,${i}\n`;
  writeFileSync(F + '/k.csv', s);
  await show('cross join bomb', { sources: [{ name: 'a', file: 'file_1' }, { name: 'b', file: 'file_1' }], steps: [{ step: 'join', with: 'b', on: ['k'] }, { step: 'join', with: 'b', on: ['k'] }], outputs: ['csv'] }, { file_1: F + '/k.csv' });
}
