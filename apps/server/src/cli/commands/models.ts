/** `guildhall models`: which models there are, which of them a tier asks, and how their providers are. */
import { modelChoice, modelChoicePage, money, providerHealthReport } from '@guildhall/contract';
import type { Command } from 'commander';
import { z } from 'zod';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { formatMoney } from '../money.ts';
import { plain, table } from '../text.ts';

const CHOICES = '/v1/operator/model-choices';

// The list has the form of OpenAI and Anthropic; these are the members that are ours.
const models = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      contextTokens: z.int().nullable(),
      ownKey: z.boolean(),
      pricing: z.object({ input: money, output: money }).nullable(),
    }),
  ),
});

type Choice = z.infer<typeof modelChoice>;
const sharesOf = ({ models: list }: Choice): string => list.map(({ model, weight }) => `${model}=${weight}`).join(' ');

/** `openai/gpt-5.4-mini=3`: a share of first places; without one, 1 for the first and 0 for those after it. */
function parseShare(text: string, index: number): Choice['models'][number] {
  const [, model, weight] = /^([^=]+)(?:=(\d{1,4}))?$/.exec(text) ?? [];
  if (model === undefined)
    throw usageError(`"${text}" is no model with its share. Write provider/name or provider/name=3.`);
  return { model, weight: weight === undefined ? Number(index === 0) : Number(weight) };
}

export function addModels(program: Command, context: CliContext): void {
  const parent = group(
    program,
    'models',
    'list models, choose those of each tier, see how providers are',
    'models list',
  );
  withConnection(
    leaf(parent, 'list', 'list the models on offer, with your prices for a million tokens', ['models list']),
  ).action(async (options: ConnectionOptions) => {
    const list = await (await connect(context, options)).get('/v1/models', models);
    const rows = list.data.map(({ id, contextTokens, ownKey, pricing }) => [
      id,
      contextTokens === null ? '–' : String(contextTokens),
      ownKey || !pricing ? 'your own key' : formatMoney(pricing.input),
      ownKey || !pricing ? '' : formatMoney(pricing.output),
    ]);
    const empty = 'There is none yet. Set OPENAI_API_KEY or another, or: guildhall providers add openai';
    show(context, options, list, () => table(['MODEL', 'CONTEXT', 'INPUT', 'OUTPUT'], rows, empty));
  });
  addChoosing(parent, context);
  withConnection(
    leaf(parent, 'health', 'show how providers have been lately, as the process that answers saw it (operator)', [
      'models health',
    ]),
  ).action(async (options: ConnectionOptions) => {
    const report = await (await connect(context, options)).get('/v1/operator/provider-health', providerHealthReport);
    const rows = report.data.map((one) => [
      one.channelId,
      one.provider,
      one.state,
      `${Math.round(one.errorRate * 100)} % of ${one.calls}`,
      one.firstByteMs === null ? '–' : `${Math.round(one.firstByteMs)} ms`,
      one.lastError ?? '–',
    ]);
    show(
      context,
      options,
      report,
      () =>
        `As process ${report.process.pid} on ${plain(report.process.host)} saw it:\n${table(['CHANNEL', 'PROVIDER', 'CIRCUIT', 'FAILED', 'FIRST BYTE', 'LAST ERROR'], rows, 'It has called none lately.')}`,
    );
  });
}

function addChoosing(parent: Command, context: CliContext): void {
  withConnection(
    leaf(parent, 'choices', 'list the models behind each class and tier, each with its share (operator)', [
      'models choices',
    ]),
  ).action(async (options: ConnectionOptions) => {
    const page = await (await connect(context, options)).get(CHOICES, modelChoicePage);
    const rows = page.data.flatMap((choice) =>
      choice.models.map(({ model, weight }, index) => [
        index === 0 ? `guildhall/${choice.name}` : '',
        index === 0 ? choice.source : '',
        model,
        weight === 0 ? 'fallback' : String(weight),
      ]),
    );
    show(context, options, page, () => table(['NAME', 'FROM', 'MODEL', 'SHARE'], rows, 'There is none.'));
  });
  const put = async (options: ConnectionOptions, name: string, list: Choice['models'] | null): Promise<void> => {
    const choice = await (await connect(context, options)).put(CHOICES, { name, models: list }, modelChoice);
    show(context, options, choice, () => `guildhall/${plain(choice.name)} asks ${plain(sharesOf(choice))}\n`);
  };
  withConnection(
    leaf(
      parent,
      'choose <name> <model...>',
      'set the models of a class or tier, the first before its fallbacks (operator)',
      [
        'models choose small openai/gpt-5.4-mini anthropic/claude-haiku-4-5',
        'models choose standard openai/gpt-5.4-mini=3 anthropic/claude-haiku-4-5=1',
      ],
    ),
  ).action((name: string, list: readonly string[], options: ConnectionOptions) =>
    put(options, name, list.map(parseShare)),
  );
  withConnection(
    leaf(parent, 'reset <name>', 'give a class or tier its default models back (operator)', ['models reset small']),
  ).action((name: string, options: ConnectionOptions) => put(options, name, null));
}
