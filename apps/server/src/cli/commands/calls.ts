/** `guildhall calls`: what became of calls of models. */
import { type ModelCall, modelCallDetail, modelCallPage } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { formatMoney } from '../money.ts';
import { formatDuration, plain, table } from '../text.ts';

interface ListOptions extends ConnectionOptions {
  readonly model?: string;
  readonly status?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: string;
  readonly cursor?: string;
}

const toRow = (call: ModelCall): string[] => [
  call.id,
  call.createdAt,
  call.model,
  call.errorCode ?? (call.cached ? 'from the cache' : call.status),
  String(call.usage.inputTokens),
  `${call.usage.outputTokens}${call.usage.counted ? ' (counted)' : ''}`,
  formatMoney(call.cost),
];

function queryOf({ model, status, from, to, limit, cursor }: ListOptions): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ model, status, from, to, limit, cursor }))
    if (value !== undefined) query.set(name, value);
  return query.toString();
}

export function addCalls(program: Command, context: CliContext): void {
  const calls = group(program, 'calls', 'what became of calls of models, and what they cost', 'calls list');
  const list = leaf(calls, 'list', 'list calls, newest first', [
    'calls list --status failed',
    'calls list --model gpt-5.4',
  ])
    .option('--model <model>', 'as it was asked for or used')
    .option('--status <status>', 'open, succeeded, failed, cancelled or lost')
    .option('--from <instant>', 'ISO 8601 with milliseconds')
    .option('--to <instant>', 'the same; not included')
    .option('--limit <count>', '1 to 200', '50')
    .option('--cursor <id>', 'where the page before ended');
  withConnection(list).action(async (options: ListOptions) => {
    const page = await (await connect(context, options)).get(`/v1/calls?${queryOf(options)}`, modelCallPage);
    const more = page.nextCursor === null ? '' : `More: --cursor ${page.nextCursor}\n`;
    const headings = ['CALL', 'AT', 'MODEL', 'OUTCOME', 'INPUT', 'OUTPUT', 'COST'];
    show(context, options, page, () => `${table(headings, page.data.map(toRow), 'There is none.')}${more}`);
  });
  withConnection(leaf(calls, 'show <call>', 'show a call with every attempt to make it', ['calls show mcl_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      const target = `/v1/calls/${encodeURIComponent(id)}`;
      const call = await (await connect(context, options)).get(target, modelCallDetail);
      const rows = call.attempts.map(({ model, channelId, outcome, status, ms }) => [
        model,
        channelId,
        outcome,
        status === null ? '–' : String(status),
        formatDuration(ms),
      ]);
      show(
        context,
        options,
        call,
        () =>
          `${call.id}  ${call.status}  ${plain(call.model)}  cost ${formatMoney(call.cost)} of ${formatMoney(call.hold)} held\n${table(['MODEL', 'CHANNEL', 'OUTCOME', 'STATUS', 'TIME'], rows, 'No provider was asked.')}`,
      );
    },
  );
}
