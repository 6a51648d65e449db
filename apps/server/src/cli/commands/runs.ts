/** `guildhall runs`: what ran, what runs, and what to do about it. */
import { pageOf, type RunEvent, run as runSchema, step } from '@guildhall/contract';
import type { Command } from 'commander';
import type { z } from 'zod';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { followRun } from '../events.ts';
import { usageError } from '../exit-codes.ts';
import { formatMoney } from '../money.ts';
import { parseObject } from '../run-input.ts';
import { formatDuration, plain, table } from '../text.ts';
import { addDeadLetters } from './dead-letters.ts';
import { describeRun, finishRun } from './run.ts';

interface ListOptions extends ConnectionOptions {
  readonly agent?: string;
  readonly status?: string;
  readonly tier?: string;
  readonly query?: string;
  readonly limit: string;
  readonly cursor?: string;
}

interface ReplayOptions extends ConnectionOptions {
  readonly fromStep?: string;
  readonly jsonInput?: string;
  readonly watch?: boolean;
}

const runPath = (id: string): string => `/v1/runs/${encodeURIComponent(id)}`;

export function addRuns(program: Command, context: CliContext): void {
  const runs = group(program, 'runs', 'list, show, stop and repeat runs', 'runs list --status failed');
  addList(runs, context);
  addReading(runs, context);
  addChanging(runs, context);
  addDeadLetters(runs, context);
}

function addList(runs: Command, context: CliContext): void {
  const command = leaf(runs, 'list', 'list runs, newest first', ['runs list --status failed --limit 20'])
    .option('--agent <id>', 'only of this agent')
    .option('--status <status>', 'queued, running, waiting, succeeded, failed or cancelled')
    .option('--tier <tier>', 'only of this tier')
    .option('--query <text>', 'id, agent, metadata or error code')
    .option('--limit <n>', 'at most this many, 1–200', '50')
    .option('--cursor <cursor>', 'goes on after an earlier page');
  withConnection(command).action(async (options: ListOptions) => {
    const api = await connect(context, options);
    const query = new URLSearchParams({ limit: options.limit });
    const { agent, status, tier, query: q, cursor } = options;
    for (const [name, value] of Object.entries({ agent, status, tier, q, cursor }))
      if (value !== undefined) query.set(name, value);
    const page = await api.get(`/v1/runs?${query}`, pageOf(runSchema));
    const more = page.nextCursor === null ? '' : `More: guildhall runs list --cursor ${page.nextCursor}\n`;
    const rows = page.data.map((run) => [
      run.id,
      run.agent.id,
      run.status,
      formatMoney(run.cost),
      run.durationMs === null ? '' : formatDuration(run.durationMs),
      run.createdAt,
    ]);
    show(
      context,
      options,
      page,
      () => table(['RUN', 'AGENT', 'STATUS', 'COST', 'TOOK', 'CREATED'], rows, 'There is no run.') + more,
    );
  });
}

function addReading(runs: Command, context: CliContext): void {
  withConnection(leaf(runs, 'show <run>', 'show a run with output, artifacts and cost', ['runs show run_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      const found = await (await connect(context, options)).get(runPath(id), runSchema);
      show(context, options, found, () => describeRun(found));
    },
  );
  withConnection(leaf(runs, 'steps <run>', 'list the steps of a run', ['runs steps run_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      const page = await (await connect(context, options)).get(`${runPath(id)}/steps`, pageOf(step));
      show(context, options, page, () => stepTable(page.data));
    },
  );
  withConnection(
    leaf(runs, 'events <run>', 'follow the events of a run until it ends; with --json one JSON object a line', [
      'runs events run_…',
    ]),
  ).action(async (id: string, options: ConnectionOptions) => {
    const api = await connect(context, options);
    for await (const event of followRun(api, id))
      context.terminal.print(options.json ? `${JSON.stringify(event)}\n` : eventLine(event));
  });
}

function stepTable(steps: readonly z.infer<typeof step>[]): string {
  const rows = steps.map((one) => [
    String(one.index),
    one.name,
    one.kind,
    one.status,
    String(one.attempt),
    formatMoney(one.cost),
    one.error?.code ?? '',
  ]);
  return table(['STEP', 'NAME', 'KIND', 'STATUS', 'ATTEMPT', 'COST', 'ERROR'], rows, 'No step has begun.');
}

const eventLine = (event: RunEvent): string =>
  `${event.at}  ${String(event.seq).padStart(4)}  ${event.type.padEnd(8)}  ${plain(event.data, 300)}\n`;

function addChanging(runs: Command, context: CliContext): void {
  withConnection(leaf(runs, 'cancel <run>', 'cancel a run', ['runs cancel run_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      const run = await (await connect(context, options)).post(`${runPath(id)}/cancel`, {}, runSchema);
      show(context, options, run, () => `${run.id} is ${run.status}; it is being cancelled if it has not ended.\n`);
    },
  );
  const replay = leaf(
    runs,
    'replay <run>',
    'repeat a run: from its record without cost, from a step on, or with other input',
    ['runs replay run_… --watch', 'runs replay run_… --from-step 2'],
  )
    .option('--from-step <n>', 'steps before it are taken from the record, the others run anew and are billed')
    .option('--json-input <json>', 'another input; all steps run anew and are billed')
    .option('--watch', 'show progress until it ends');
  withConnection(replay).action(async (id: string, options: ReplayOptions) => {
    const { fromStep, jsonInput } = options;
    if (fromStep !== undefined && !/^\d{1,6}$/.test(fromStep))
      throw usageError('--from-step takes the number of a step, 0 or more.');
    const body = {
      ...(fromStep === undefined ? {} : { fromStep: Number(fromStep) }),
      ...(jsonInput === undefined ? {} : { input: parseObject(jsonInput, '--json-input') }),
    };
    const api = await connect(context, options);
    const run = await api.post(`${runPath(id)}/replay`, body, runSchema);
    if (options.watch) await finishRun(context, api, run, options);
    else show(context, options, run, () => `${run.id} is ${run.status}, in place of ${plain(id)}.\n`);
  });
}
