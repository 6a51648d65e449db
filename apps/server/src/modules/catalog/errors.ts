/** What the catalog can refuse. */
import { defineErrors } from '../../platform/errors/index.ts';

export const catalogErrors = defineErrors('catalog', {
  agentNotFound: ['agent-not-found', 404, 'There is no agent of this name.', 'List the agents with GET /v1/agents.'],
  invalidInput: [
    'invalid-input',
    422,
    'The input does not fit this agent.',
    'Correct every place named in errors; GET /v1/agents/{id} shows the schema and examples.',
  ],
});
