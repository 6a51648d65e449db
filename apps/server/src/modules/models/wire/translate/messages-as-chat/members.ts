/** What becomes of the members of Anthropic's body at a provider that speaks chat. */
import { isObject } from '../../json.ts';
import { type Members, never, only } from '../members.ts';

const RUNS_ITSELF = 'is run by Anthropic alone';

export const MESSAGES_MEMBERS: Members = {
  model: 'carried',
  messages: 'carried',
  system: 'carried',
  stream: 'carried',
  max_tokens: 'carried',
  stop_sequences: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  tools: 'carried',
  tool_choice: 'carried',
  thinking: 'carried',
  metadata: 'carried',
  output_config: (value) => {
    const unknown = Object.keys(isObject(value) ? value : {}).filter((name) => !['effort', 'format'].includes(name));
    return unknown.length === 0 ? undefined : `has members without an equivalent: ${unknown.join(', ')}`;
  },
  output_format: 'carried',
  /** Marks of what to cache; the other providers decide themselves. */
  cache_control: 'harmless',
  service_tier: only('auto', 'standard_only'),
  speed: only('standard'),
  top_k: never,
  container: () => RUNS_ITSELF,
  mcp_servers: () => RUNS_ITSELF,
  context_management: () => RUNS_ITSELF,
  inference_geo: never,
};
