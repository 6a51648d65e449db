/** `guildhall agents`: what can be run, and what each agent takes. */
import { agent, agentPage } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, leaf, show, toJson } from '../context.ts';
import { formatMoney } from '../money.ts';
import { plain, table } from '../text.ts';

export function addAgents(program: Command, context: CliContext): void {
  const command = leaf(program, 'agents [id]', 'list agents, or show one with its input schema and prices', [
    'agents',
    'agents data-processor',
  ]);
  withConnection(command).action(async (id: string | undefined, options: ConnectionOptions) => {
    const api = await connect(context, options);
    if (id !== undefined) {
      const found = await api.get(`/v1/agents/${encodeURIComponent(id)}`, agent);
      show(context, options, found, () => describe(found));
      return;
    }
    const page = await api.get('/v1/agents?limit=200', agentPage);
    show(context, options, page, () =>
      table(
        ['AGENT', 'VERSION', 'FROM', 'SUMMARY'],
        page.data.map((one) => [one.id, one.version, one.tiers[0] ? formatMoney(one.tiers[0].price) : '', one.summary]),
        'There is no agent.',
      ),
    );
  });
}

function describe(found: ReturnType<typeof agent.parse>): string {
  const tiers = found.tiers.map((tier) => [tier.id, formatMoney(tier.price)]);
  const [example] = found.examples;
  return [
    `${plain(found.title)} (${found.id} ${found.version})\n`,
    `${found.summary}\n`,
    `${found.description.trim()}\n`,
    table(['TIER', 'BASE PRICE'], tiers, 'No tier has a price.'),
    `At most ${found.limits.timeoutMs / 1_000} s and ${found.limits.stepsMax} steps.\n`,
    example ? `An input (${plain(example.title)}):\n${toJson(example.input)}\n` : '',
    `The schema of the input: guildhall agents ${found.id} --json\n`,
  ].join('\n');
}
