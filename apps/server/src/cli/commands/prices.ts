/** `guildhall prices`: what providers ask for their models. */
import { type PublishedModelPrice, publishedModelPrice, publishedModelPriceList } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { formatMoney, parseDollars } from '../money.ts';
import { plain, table } from '../text.ts';

const PATH = '/v1/operator/model-prices';

interface PublishOptions extends ConnectionOptions {
  readonly input: string;
  readonly output: string;
  readonly cachedInput?: string;
  readonly cacheWrite?: string;
  readonly cacheWriteLong?: string;
  readonly reasoning?: string;
  readonly tier?: readonly string[];
  readonly perImage?: string;
  readonly perRequest?: string;
  readonly alias?: readonly string[];
  readonly from?: string;
  readonly context?: string;
  readonly outputMax?: string;
  readonly embeds?: boolean;
  readonly source: string;
}

const dollars = (text: string | undefined) => (text === undefined ? undefined : parseDollars(text));

function count(text: string, option: string): number {
  if (!/^\d{1,9}$/.test(text)) throw usageError(`${option} takes a number of tokens, not "${text}".`);
  return Number(text);
}
const optionalCount = (text: string | undefined, option: string) =>
  text === undefined ? undefined : count(text, option);

/** `200000:6:22.5:0.6`: above so many input tokens, input, output and, if it differs, cached input. */
function parseTier(text: string) {
  const [above = '', input = '', output = '', cachedInput, ...rest] = text.split(':');
  if (output === '' || rest.length > 0)
    throw usageError(`--tier takes tokens:input:output or tokens:input:output:cached, not "${text}".`);
  return {
    aboveInputTokens: count(above, '--tier'),
    perMillionTokens: { input: parseDollars(input), output: parseDollars(output), cachedInput: dollars(cachedInput) },
  };
}

function splitModel(model: string) {
  const slash = model.indexOf('/');
  if (slash < 1) throw usageError(`"${model}" is no model. Write provider/name, for example openai/gpt-4o-mini.`);
  return { provider: model.slice(0, slash), name: model.slice(slash + 1) };
}

const toBody = (model: string, options: PublishOptions) => ({
  ...splitModel(model),
  aliases: options.alias,
  effectiveFrom: options.from,
  perMillionTokens: {
    input: parseDollars(options.input),
    output: parseDollars(options.output),
    cachedInput: dollars(options.cachedInput),
    cacheWrite: dollars(options.cacheWrite),
    cacheWriteLong: dollars(options.cacheWriteLong),
    reasoning: dollars(options.reasoning),
  },
  tiers: (options.tier ?? []).map(parseTier),
  perImage: dollars(options.perImage),
  perRequest: dollars(options.perRequest),
  contextTokens: optionalCount(options.context, '--context'),
  outputTokensMax: optionalCount(options.outputMax, '--output-max'),
  embeds: options.embeds,
  source: options.source,
});

const HEADINGS = ['MODEL', 'INPUT', 'CACHED', 'OUTPUT', 'FROM', 'SOURCE'];
const toRow = (price: PublishedModelPrice): string[] => [
  price.tiers.length > 0 ? `${price.model} (tiers)` : price.model,
  formatMoney(price.perMillionTokens.input),
  formatMoney(price.perMillionTokens.cachedInput),
  formatMoney(price.perMillionTokens.output),
  price.effectiveFrom.slice(0, 10),
  price.source,
];

export function addPrices(program: Command, context: CliContext): void {
  const prices = group(program, 'prices', 'what providers ask for models (operator)', 'prices list');
  withConnection(
    leaf(prices, 'list', 'list prices per million tokens: those in force, then those announced', ['prices list']),
  ).action(async (options: ConnectionOptions) => {
    const list = await (await connect(context, options)).get(PATH, publishedModelPriceList);
    show(context, options, list, () => table(HEADINGS, list.data.map(toRow), 'No model has a price yet.'));
  });
  const publish = leaf(prices, 'publish <model>', 'publish a price, in dollars per million tokens', [
    'prices publish openai/gpt-4o-mini --input 0.15 --cached-input 0.075 --output 0.6 --source "openai.com/api/pricing, 2026-11-21"',
  ])
    .requiredOption('--input <dollars>', 'input, and what is embedded')
    .requiredOption('--output <dollars>', 'output')
    .option('--cached-input <dollars>', "input read from the provider's cache (default: as input)")
    .option('--cache-write <dollars>', "input written to the provider's cache (default: as input)")
    .option('--cache-write-long <dollars>', 'the same for an hour (default: as --cache-write)')
    .option('--reasoning <dollars>', 'reasoning (default: as output)')
    .option(
      '--tier <tier...>',
      'tokens:input:output[:cached], prices of calls with more input than so many tokens; ascending',
    )
    .option('--per-image <dollars>', 'for each image')
    .option('--per-request <dollars>', 'for each call')
    .option('--alias <name...>', 'other names of exactly this model (default: as before)')
    .option('--from <time>', 'in force from then on, as 2026-12-01T00:00:00Z (default: now)')
    .option('--context <tokens>', 'how much the model reads and writes at most (default: as before)')
    .option('--output-max <tokens>', 'how much it writes at most (default: as before)')
    .option('--embeds', 'it makes embeddings')
    .requiredOption('--source <text>', 'where the price was read, and when');
  withConnection(publish).action(async (model: string, options: PublishOptions) => {
    const body = toBody(model, options);
    const done = await (await connect(context, options)).post(PATH, body, publishedModelPrice);
    show(
      context,
      options,
      done,
      () => `${plain(done.model)} has a price from ${done.effectiveFrom} on (${done.id}).\n`,
    );
  });
}
