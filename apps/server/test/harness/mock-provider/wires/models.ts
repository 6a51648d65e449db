/** `/v1/models` of both houses. What it lists says that it is a mock. */
import type { Json } from '../types.ts';

export const MOCK_MODELS = ['mock-chat', 'mock-mini', 'mock-reasoning', 'mock-embedding'] as const;

/** 2025-01-01, so that answers do not depend on the day. */
const CREATED = 1_735_689_600;

function openaiModel(id: string): Json {
  return { id, object: 'model', created: CREATED, owned_by: 'mock-provider' };
}

function anthropicModel(id: string): Json {
  return { type: 'model', id, display_name: `${id} (mock)`, created_at: '2025-01-01T00:00:00Z' };
}

/** The list, or one model; undefined where there is no such model. */
export function openaiModels(models: readonly string[], id: string | undefined): string | undefined {
  if (id !== undefined) return models.includes(id) ? `${JSON.stringify(openaiModel(id), undefined, 2)}\n` : undefined;
  return `${JSON.stringify({ object: 'list', data: models.map(openaiModel) }, undefined, 2)}\n`;
}

/** As above, by pages of `limit` (20, as Anthropic) after `after_id`. */
export function anthropicModels(models: readonly string[], id: string | undefined, query: URLSearchParams) {
  if (id !== undefined) return models.includes(id) ? JSON.stringify(anthropicModel(id)) : undefined;
  const limit = Number(query.get('limit') ?? 20);
  const from = models.indexOf(query.get('after_id') ?? '') + 1;
  const page = models.slice(from, from + limit);
  return JSON.stringify({
    data: page.map(anthropicModel),
    has_more: from + limit < models.length,
    first_id: page[0] ?? null,
    last_id: page.at(-1) ?? null,
  });
}
