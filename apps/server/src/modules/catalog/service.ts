/** The use cases of the catalog. */
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { GuildhallError } from '../../platform/errors/index.ts';
import { catalogErrors } from './errors.ts';
import { type AgentSchemas, checkInput, schemasOf } from './rules.ts';
import type { CatalogDeps, Tier } from './types.ts';

/** An agent together with what only the whole installation knows about it. */
export interface CatalogEntry {
  readonly agent: AgentDefinition;
  readonly tiers: readonly Tier[];
}

export interface CatalogService {
  /** All agents, by id. */
  readonly agents: readonly AgentDefinition[];
  find(id: string): AgentDefinition | undefined;
  /** @throws `catalog.agent-not-found` */
  get(id: string): AgentDefinition;
  /** JSON Schema, draft 2020-12. @throws `catalog.agent-not-found` */
  schemas(id: string): AgentSchemas;
  /** Ordered by id, with the prices of this moment. */
  list(page: { readonly afterId?: string | undefined; readonly limit: number }): Promise<{
    readonly entries: readonly CatalogEntry[];
    readonly nextAfterId: string | undefined;
  }>;
  /** @throws `catalog.agent-not-found` */
  entry(id: string): Promise<CatalogEntry>;
  /**
   * The input as the agent will get it, defaults filled in.
   * @throws `catalog.invalid-input` naming every fault by its place in the body of a start: `/input/…`.
   */
  parseInput(agent: AgentDefinition, input: unknown): unknown;
}

/** @throws at start when two agents share an id or a definition is not fit to be offered. */
export function createService({ agents, prices }: CatalogDeps): CatalogService {
  const ordered = agents.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const byId = new Map(ordered.map((agent) => [agent.id, agent]));
  if (byId.size !== ordered.length) throw new Error('two agents share an id');
  const schemas = new Map(ordered.map((agent) => [agent.id, schemasOf(agent)]));

  const known = <T>(found: T | undefined): T => {
    if (found === undefined) {
      throw new GuildhallError(catalogErrors.agentNotFound, {
        detail: `The agents are: ${[...byId.keys()].join(', ')}.`,
      });
    }
    return found;
  };
  const withTiers = async (agent: AgentDefinition): Promise<CatalogEntry> => ({
    agent,
    tiers: await prices.tiers(agent.id),
  });

  return {
    agents: ordered,
    find: (id) => byId.get(id),
    get: (id) => known(byId.get(id)),
    schemas: (id) => known(schemas.get(id)),
    async list({ afterId = '', limit }) {
      const rest = ordered.filter((agent) => agent.id > afterId);
      const page = rest.slice(0, limit);
      return {
        entries: await Promise.all(page.map(withTiers)),
        nextAfterId: rest.length > limit ? page.at(-1)?.id : undefined,
      };
    },
    entry: async (id) => withTiers(known(byId.get(id))),
    parseInput(agent, input) {
      const checked = checkInput(agent, input);
      if (checked.ok) return checked.input;
      const { errors } = checked;
      const [first] = errors;
      throw new GuildhallError(catalogErrors.invalidInput, {
        detail: `${errors.length === 1 ? 'One fault' : `${errors.length} faults`}${first ? `; the first at ${first.path}: ${first.message}.` : '.'}`,
        errors,
      });
    },
  };
}
