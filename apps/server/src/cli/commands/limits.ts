/** `guildhall limits`: how often who may call, for everybody and for single organisations. */
import type { Command } from 'commander';
import { z } from 'zod';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { table } from '../text.ts';

const PATH = '/v1/operator/limits';
const limit = z.object({
  name: z.string(),
  per: z.string(),
  organisationId: z.string().nullable(),
  max: z.number(),
  windowSeconds: z.number(),
  setByOperator: z.boolean(),
});
type Limit = z.infer<typeof limit>;
const page = z.object({ data: z.array(limit) });

interface ForOptions extends ConnectionOptions {
  readonly org?: string;
  readonly window?: string;
}

const whomOf = ({ organisationId }: Limit): string => organisationId ?? 'everybody';
const said = (one: Limit): string =>
  `${one.name}: ${one.max} per ${one.windowSeconds} s for each ${one.per} of ${whomOf(one)}${one.setByOperator ? '' : ', as it comes'}\n`;

function wholeOf(what: string, text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw usageError(`${what} takes a whole number above 0, not "${text}".`);
  return Number(text);
}

export function addLimits(program: Command, context: CliContext): void {
  const limits = group(program, 'limits', 'show and set how often who may call (operator)', 'limits list');
  withConnection(leaf(limits, 'list', 'list all limits', ['limits list'])).action(
    async (options: ConnectionOptions) => {
      const list = await (await connect(context, options)).get(PATH, page);
      const rows = list.data.map((one) => [
        ...[one.name, one.per, whomOf(one), String(one.max), String(one.windowSeconds)],
        one.setByOperator ? 'operator' : 'default',
      ]);
      show(context, options, list, () =>
        table(['LIMIT', 'PER', 'FOR', 'MAX', 'SECONDS', 'FROM'], rows, 'There is none.'),
      );
    },
  );
  const set = leaf(limits, 'set <name> <max>', 'set a limit; it holds at once, in every process', [
    'limits set key 5000 --org org_…',
  ])
    .option('--window <seconds>', 'so many within so many seconds (default: as it comes)')
    .option('--org <id>', 'for this organisation alone (default: for everybody who has none of their own)');
  withConnection(set).action(async (name: string, max: string, options: ForOptions) => {
    const windowSeconds = options.window === undefined ? undefined : wholeOf('--window', options.window);
    const body = { name, organisationId: options.org, max: wholeOf('<max>', max), windowSeconds };
    const done = await (await connect(context, options)).put(PATH, body, limit);
    show(context, options, done, () => said(done));
  });
  const reset = leaf(limits, 'reset <name>', 'give back the limit as it comes', [
    'limits reset key --org org_…',
  ]).option('--org <id>', 'of this organisation alone');
  withConnection(reset).action(async (name: string, options: ForOptions) => {
    const body = { name, organisationId: options.org, max: null };
    const done = await (await connect(context, options)).put(PATH, body, limit);
    show(context, options, done, () => said(done));
  });
}
