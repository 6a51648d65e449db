/** `guildhall run`: starts an agent on files or JSON, shows it working, says what it cost. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { agent, balance, type Run, run as runSchema } from '@guildhall/contract';
import type { Command } from 'commander';
import type { Api } from '../api.ts';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, leaf, show, toJson } from '../context.ts';
import { followRun } from '../events.ts';
import { EXIT, usageError } from '../exit-codes.ts';
import { formatMoney, parseDollars } from '../money.ts';
import { createProgress } from '../progress.ts';
import { findFilePlace, type InputOptions, placeFiles, readInputParts, setMember } from '../run-input.ts';
import { formatBytes, formatDuration, plain } from '../text.ts';

interface RunOptions extends ConnectionOptions, InputOptions {
  readonly tier?: string;
  readonly maxCost?: string;
  readonly metadata?: readonly string[];
  readonly watch?: boolean;
  readonly wait?: boolean;
  readonly out?: string;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addRun(program: Command, context: CliContext): void {
  const command = leaf(program, 'run <agent>', 'run an agent', [
    'run data-processor --input orders.csv --watch',
    `run data-processor --input orders.csv --set outputs='["parquet"]' --out results`,
    `run report-generator --input report.json --tier pro --max-cost 0.50 --wait`,
  ])
    .option(
      '--input <file>',
      'a .json file (or - for standard input) is the input itself; any other file is uploaded and becomes a source; may be repeated',
      collect,
    )
    .option('--json-input <json>', 'the input as JSON; its members win over those of a file')
    .option('--set <path=value>', 'sets one member of the input; the value is JSON or text; may be repeated', collect)
    .option('--metadata <key=value>', 'kept with the run; may be repeated', collect)
    .option('--tier <tier>', 'the tier (guildhall agents <agent> lists them)')
    .option('--max-cost <dollars>', 'the most it may cost, for example 0.05')
    .option('--watch', 'show progress until it ends')
    .option('--wait', 'say nothing until it ends')
    .option('--out <folder>', 'save its artifacts there (implies --wait)');
  withConnection(command).action(async (agentId: string, options: RunOptions) => {
    const api = await connect(context, options);
    const body = {
      input: await buildInput(context, api, agentId, options),
      ...(options.tier === undefined ? {} : { tier: options.tier }),
      ...(options.maxCost === undefined ? {} : { maxCost: parseDollars(options.maxCost) }),
      ...(options.metadata === undefined ? {} : { metadata: readMetadata(options.metadata) }),
    };
    const started = await api.post(`/v1/agents/${encodeURIComponent(agentId)}/runs`, body, runSchema);
    if (!options.watch && !options.wait && options.out === undefined) {
      show(
        context,
        options,
        started,
        () => `${started.id} is ${started.status}. Follow it: guildhall runs events ${started.id}\n`,
      );
      return;
    }
    await finishRun(context, api, started, options);
  });
}

async function buildInput(context: CliContext, api: Api, agentId: string, options: RunOptions): Promise<unknown> {
  const { base, uploads } = await readInputParts(options, () => context.readInput());
  let input = base;
  if (uploads.length > 0) {
    const found = await api.get(`/v1/agents/${encodeURIComponent(agentId)}`, agent);
    const place = findFilePlace(found.inputSchema);
    if (!place)
      throw usageError(`${agentId} takes no file. Give its input as JSON: --input input.json or --json-input.`);
    const ids: string[] = [];
    for (const name of uploads) ids.push((await api.upload(name)).id);
    input = placeFiles(input, place, ids);
  }
  for (const assignment of options.set ?? []) input = setMember(input, assignment);
  return input;
}

function readMetadata(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      if (at <= 0) throw usageError(`--metadata ${entry}: write key=value.`);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** Follows the run to its end, then prints result, cost and balance. The exit code says whether it succeeded. */
export async function finishRun(
  context: CliContext,
  api: Api,
  started: Run,
  options: Pick<RunOptions, 'json' | 'watch' | 'out'>,
): Promise<void> {
  const progress = options.watch ? createProgress(context.terminal, plain(started.agent.id)) : undefined;
  try {
    for await (const event of followRun(api, started.id)) progress?.tell(event);
  } finally {
    progress?.end();
  }
  const ended = await api.get(`/v1/runs/${started.id}`, runSchema);
  const saved = options.out === undefined ? [] : await saveArtifacts(api, ended, options.out);
  const left = await api.get('/v1/balance', balance);
  show(context, options, { run: ended, balance: left, saved }, () => {
    const files = saved.map((name) => `Saved     ${name}\n`).join('');
    return `${describeRun(ended)}${files}Balance   ${formatMoney(left.available)} left, ${formatMoney(left.held)} held\n`;
  });
  if (ended.status !== 'succeeded') context.end(EXIT.failed);
}

/** The artifact's name without folders; two of the same name do not overwrite each other. */
export function localName(name: string, taken: ReadonlySet<string>): string {
  const base = plain(path.basename(name.replaceAll('\\', '/')), 200);
  const safe = base === '' || base === '.' || base === '..' ? 'artifact' : base;
  if (!taken.has(safe)) return safe;
  const { name: stem, ext } = path.parse(safe);
  for (let n = 2; ; n += 1) if (!taken.has(`${stem}-${n}${ext}`)) return `${stem}-${n}${ext}`;
}

async function saveArtifacts(api: Api, ended: Run, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const taken = new Set<string>();
  for (const artifact of ended.artifacts) {
    const name = localName(artifact.name, taken);
    taken.add(name);
    await api.download(artifact.url, path.join(folder, name));
  }
  return [...taken].map((name) => path.join(folder, name));
}

// More would push the cost off the screen; --json has it whole.
const OUTPUT_LINES_MAX = 24;

function shortJson(value: unknown): string {
  const lines = toJson(value).split('\n');
  if (lines.length <= OUTPUT_LINES_MAX) return lines.join('\n');
  return `${lines.slice(0, OUTPUT_LINES_MAX).join('\n')}\n… ${lines.length - OUTPUT_LINES_MAX} more lines; --json prints all`;
}

/** A run for a person to read. */
export function describeRun(run: Run): string {
  const lines = [`Run       ${run.id} (${run.agent.id} ${run.agent.version}, tier ${run.tier})`];
  const duration = run.durationMs === null ? '' : ` in ${formatDuration(run.durationMs)}`;
  lines.push(
    `Status    ${run.status}${run.waitingFor ? ` for ${run.waitingFor}` : ''}${duration}, ${run.usage.steps} steps`,
  );
  if (run.error) {
    lines.push(`Error     ${plain(run.error.detail)} (${run.error.code})`);
    for (const fault of run.error.errors) lines.push(`          ${plain(fault.path)} ${plain(fault.message)}`);
  }
  if (run.output !== null && run.output !== undefined) lines.push(`Output    ${shortJson(run.output)}`);
  for (const artifact of run.artifacts)
    lines.push(`Artifact  ${plain(artifact.name)} (${formatBytes(artifact.size)})\n          ${artifact.url}`);
  lines.push(`Cost      ${formatMoney(run.cost)} of at most ${formatMoney(run.hold)}`);
  return `${lines.join('\n')}\n`;
}
