/** One typed definition of an agent. */
import type { z } from 'zod';
import type { AgentDefinition } from './types.ts';

const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const VERSION = /^\d+\.\d+\.\d+$/;

/**
 * Checks and freezes a definition. From it come the REST endpoint, the OpenAPI schema, the command line and the form.
 * @throws at load time when the id is not kebab-case, the version is not `x.y.z`, or an example does not fit the input schema.
 */
export function defineAgent<I extends z.ZodType, O extends z.ZodType>(
  definition: AgentDefinition<I, O>,
): AgentDefinition<I, O> {
  if (!ID.test(definition.id)) throw new Error(`agent id ${definition.id}: use kebab-case`);
  if (!VERSION.test(definition.version))
    throw new Error(`agent ${definition.id}: version ${definition.version} is not x.y.z`);
  for (const example of definition.examples) {
    const parsed = definition.input.safeParse(example.input);
    if (!parsed.success)
      throw new Error(
        `agent ${definition.id}: example "${example.title}" does not fit its own input schema: ${parsed.error.message}`,
      );
  }
  return Object.freeze(definition);
}
