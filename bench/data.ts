/** A million rows uploaded, checked, transformed and written as Parquet and NDJSON with the report of bad rows, while the platform stays answering. */
import { openAsBlob } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Run } from '@guildhall/contract';
import { makeCsv, ORDER_SCHEMA } from '../agents/data-processor/test/make-csv.ts';
import { describeMachine, versionOf } from './support/machine.ts';
import { type BenchPlatform, bearer, ownProcesses, parse, startPlatform } from './support/platform.ts';
import { childrenOf, peakMb, treeOf } from './support/processes.ts';
import { judge, print, readOptions } from './support/report.ts';

const SAMPLE_MS = 50;
const SCRAPE_MS = 1_000;
const PATH = '/v1/agents/data-processor/runs?wait=60';

/** The longest stall of the platform's event loop since the last look. The gauge begins anew with each. */
async function stallMs(platform: BenchPlatform): Promise<number> {
  const { body } = await platform.client.send('GET', '/metrics', {});
  const seconds = /^event_loop_stall_seconds (\S+)/m.exec(body)?.[1];
  return seconds === undefined ? Number.NaN : Number(seconds) * 1_000;
}

interface Watch {
  /** Ends it. */
  stop(): Promise<{ readonly childPeakMb: number; readonly stallMs: number }>;
}

/** Looks at the children of the platform and at its event loop until it is stopped. */
function watch(platform: BenchPlatform): Watch {
  const peaks = new Map<number, number>();
  const stalls: number[] = [];
  const stopping = new AbortController();
  const every = async (ms: number, look: () => void | Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look();
      await pause(ms, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const children = every(SAMPLE_MS, () => {
    const own = new Set(ownProcesses(platform.ready.pid, platform.dataDir));
    for (const child of childrenOf(platform.ready.pid).filter((pid) => own.has(pid))) {
      // A wrapper around the child counts too.
      const mb = [...treeOf([child])].reduce((sum, pid) => sum + peakMb(pid), 0);
      peaks.set(child, Math.max(peaks.get(child) ?? 0, mb));
    }
  });
  const loop = every(SCRAPE_MS, async () => {
    stalls.push(await stallMs(platform));
  });
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([children, loop]);
      stalls.push(await stallMs(platform));
      return { childPeakMb: Math.max(...peaks.values()), stallMs: Math.max(...stalls) };
    },
  };
}

async function upload(platform: BenchPlatform, headers: Record<string, string>, file: string): Promise<string> {
  const form = new FormData();
  form.set('file', await openAsBlob(file, { type: 'text/csv' }), 'orders.csv');
  const answer = await fetch(`${platform.ready.url}/v1/files`, { method: 'POST', headers, body: form });
  return parse<{ id: string }>({ status: answer.status, body: await answer.text(), ms: 0 }).id;
}

/** @throws when the result is not what the rows were made for. */
function checkResult(run: Run, made: { rows: number; badRows: number }): void {
  if (run.status !== 'succeeded') throw new Error(`the run ended as ${run.status}: ${JSON.stringify(run.error)}`);
  // The output of this agent; each field that is used is compared below.
  const output = run.output as { rows?: number; rejects?: { rows?: number } };
  if (output.rows !== made.rows - made.badRows || output.rejects?.rows !== made.badRows)
    throw new Error(
      `${output.rows} rows and ${output.rejects?.rows} rejects from ${made.rows} with ${made.badRows} bad`,
    );
}

const options = readOptions();
const rows = options.isShort ? 100_000 : 1_000_000;
const platform = await startPlatform({ profile: options.profile });
try {
  const file = path.join(platform.dataDir, 'orders.csv');
  const made = makeCsv(file, rows);
  print(
    `data: ${rows.toLocaleString('en')} rows checked, transformed, written as Parquet and NDJSON with the report of bad rows`,
    ...describeMachine(platform.dataDir),
    `versions    Node ${process.version}, ${await platform.databaseVersion()}, @duckdb/node-api ${versionOf('@duckdb/node-api')}`,
    `plan        ${(made.bytes / 1e6).toFixed(1)} MB, quoted, Arabic, ${made.badRows} bad rows; uploaded by HTTP; timed from POST of the run to its answer`,
  );
  const headers = bearer(platform.ready.apiKey);
  // The first look takes away what the start of the process left in the gauge.
  await stallMs(platform);
  const watching = watch(platform);
  const uploadBegan = performance.now();
  const id = await upload(platform, headers, file);
  const uploadSeconds = (performance.now() - uploadBegan) / 1_000;
  const input = {
    sources: [{ name: 'orders', file: id }],
    schema: ORDER_SCHEMA,
    steps: [{ step: 'derive', columns: { with_tax: 'round(amount * 1.15, 2)' } }],
    outputs: ['parquet', 'ndjson'],
  };
  const answer = await platform.client.send('POST', PATH, headers, JSON.stringify({ input }));
  const run = parse<Run>(answer);
  const { childPeakMb, stallMs: stall } = await watching.stop();
  checkResult(run, made);
  print(
    '',
    `upload      ${uploadSeconds.toFixed(2)} s`,
    `run         ${(answer.ms / 1_000).toFixed(2)} s, succeeded, ${made.rows - made.badRows} rows and ${made.badRows} rejects as made`,
    ...run.artifacts.map(({ name, size }) => `artifact    ${name}, ${(size / 1e6).toFixed(1)} MB`),
  );
  judge(
    [
      { what: 'from POST to succeeded', value: answer.ms / 1_000, unit: 's', atMost: 10 },
      { what: 'peak memory of the child', value: childPeakMb, unit: 'MB', atMost: 600 },
      { what: 'longest stall of the event loop, upload included', value: stall, unit: 'ms', atMost: 49.9 },
    ],
    options,
  );
} finally {
  await platform.stop();
}
