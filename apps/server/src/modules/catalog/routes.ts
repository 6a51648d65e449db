/** The HTTP routes that show agents. */
import {
  type Agent,
  type AgentSummary,
  agent,
  agentPage,
  agentPageQuery,
  agentParams,
  toMoney,
} from '@guildhall/contract';
import { type RouteDefinition, route } from '../../platform/http/index.ts';
import type { AgentSchemas } from './rules.ts';
import type { CatalogEntry, CatalogService } from './service.ts';

const toSummary = ({ agent, tiers }: CatalogEntry): AgentSummary => ({
  id: agent.id,
  version: agent.version,
  title: agent.title,
  summary: agent.summary,
  category: agent.category,
  needsModel: agent.needsModel,
  tiers: tiers.map((tier) => ({ id: tier.id, price: toMoney(tier.priceNanos) })),
});

const toWire = (entry: CatalogEntry, schemas: AgentSchemas): Agent => ({
  ...toSummary(entry),
  description: entry.agent.description,
  inputSchema: schemas.input,
  outputSchema: schemas.output,
  examples: entry.agent.examples.map(({ title, input }) => ({ title, input })),
  limits: { timeoutMs: entry.agent.limits.timeoutMs, stepsMax: entry.agent.limits.stepsMax },
});

export function catalogRoutes(catalog: CatalogService): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/agents',
      summary: 'List the agents with their tiers and prices.',
      tag: 'Agents',
      scope: 'agents:read',
      query: agentPageQuery,
      responses: { 200: agentPage },
      async handler(call) {
        const { limit, cursor } = call.query;
        const { entries, nextAfterId } = await catalog.list({ limit, afterId: cursor });
        return { status: 200, body: { data: entries.map(toSummary), nextCursor: nextAfterId ?? null } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/agents/{id}',
      summary: 'Show an agent with its schemas, examples and limits.',
      tag: 'Agents',
      scope: 'agents:read',
      params: agentParams,
      responses: { 200: agent },
      async handler(call) {
        const { id } = call.params;
        return { status: 200, body: toWire(await catalog.entry(id), catalog.schemas(id)) };
      },
    }),
  ];
}
