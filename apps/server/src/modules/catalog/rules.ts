/** What an agent's definition must be, and what an input must be to fit it: pure decisions. */
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { z } from 'zod';
import type { FieldError } from '../../platform/errors/index.ts';
import { fieldErrors } from '../../platform/http/index.ts';
import { unfolded } from './faults.ts';

export type JsonSchema = Record<string, unknown>;

/** The two schemas as a caller sees them: what may be sent, and what will come back. */
export interface AgentSchemas {
  readonly input: JsonSchema;
  readonly output: JsonSchema;
}

/**
 * @throws at start for an agent whose input is not written as a strict object, because such an agent would silently ignore misspelt
 * members, and for a schema that JSON Schema cannot express.
 */
export function schemasOf(agent: AgentDefinition): AgentSchemas {
  const input = z.toJSONSchema(agent.input, { target: 'draft-2020-12', io: 'input' });
  const loose = looseObjects(input, '');
  if (loose.length > 0) {
    throw new Error(
      `agent ${agent.id}: the input schema ignores unknown members at ${loose.join(', ')}; use z.strictObject`,
    );
  }
  // An output may hold what only code can check; those places are shown as "anything".
  const output = z.toJSONSchema(agent.output, { target: 'draft-2020-12', io: 'output', unrepresentable: 'any' });
  return { input, output };
}

/** Pointers to the objects that list their members but do not refuse others. */
function looseObjects(node: unknown, at: string): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const isLoose = 'properties' in node && isSchemaOfObject(node) && !('additionalProperties' in node);
  const below = Object.entries(node).flatMap(([name, child]) => looseObjects(child, `${at}/${name}`));
  return isLoose ? [at || '/', ...below] : below;
}

const isSchemaOfObject = (node: object): boolean => 'type' in node && node.type === 'object';

export type CheckedInput =
  | { readonly ok: true; readonly input: unknown }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** Every fault of an input at once: first those of its shape; then, where the shape is right, those only the agent can see. */
export function checkInput(agent: AgentDefinition, input: unknown): CheckedInput {
  const parsed = agent.input.safeParse(input);
  if (!parsed.success) return { ok: false, errors: fieldErrors(unfolded(parsed.error), ['input']) };
  const found = agent.validate?.(parsed.data) ?? [];
  if (found.length === 0) return { ok: true, input: parsed.data };
  // An agent knows its input alone; the reader sees the body around it.
  return {
    ok: false,
    errors: found.map(({ path, message }) => ({ path: path === '/' ? '/input' : `/input${path}`, message })),
  };
}
