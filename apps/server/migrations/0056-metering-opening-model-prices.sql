-- Lock: none; adds the opening prices of models.
--
-- Dollars per million tokens as the providers list them (standard service: no batch, no priority). Null in a column of the cache or of
-- reasoning: as dear as plain input or output. Names that a provider lets point to other models over time stand here only where the
-- source gives their price. `gpt-4o-2024-05-13` shows why a dated name is an alias only when it is listed as one.

insert into metering.model_price (kind, name, aliases, effective_from, input, cached_input, cache_write, cache_write_long, output, reasoning,
    tiers, context_tokens, output_tokens_max, embeds, source)
  select x.kind, x.name, x.aliases, '2020-01-01 00:00:00+00', x.input * 1000000000, coalesce(x.cached, x.input) * 1000000000,
    coalesce(x.write, x.input) * 1000000000, coalesce(x.write_long, x.write, x.input) * 1000000000, x.output * 1000000000, x.output * 1000000000,
    case when x.tier is null then '[]'::jsonb else jsonb_build_array(jsonb_build_object(
      'aboveInputTokens', x.tier[1]::bigint, 'input', (x.tier[2] * 1000000000)::bigint, 'cachedInput', (x.tier[3] * 1000000000)::bigint,
      'cacheWrite', (x.tier[4] * 1000000000)::bigint, 'cacheWriteLong', (x.tier[5] * 1000000000)::bigint,
      'output', (x.tier[6] * 1000000000)::bigint, 'reasoning', (x.tier[6] * 1000000000)::bigint)) end,
    x.context, x.output_max, x.embeds, s.source
  from (values
    ('openai', 'gpt-4o', '{gpt-4o-2024-08-06,gpt-4o-2024-11-20}'::text[], 2.5, 1.25, null::numeric, null::numeric, 10, null::numeric[], 128000, 16384, false),
    ('openai', 'gpt-4o-2024-05-13', '{}', 5, null, null, null, 15, null, 128000, 4096, false),
    ('openai', 'gpt-4o-mini', '{gpt-4o-mini-2024-07-18}', 0.15, 0.075, null, null, 0.6, null, 128000, 16384, false),
    ('openai', 'gpt-4.1', '{gpt-4.1-2025-04-14}', 2, 0.5, null, null, 8, null, 1047576, 32768, false),
    ('openai', 'gpt-4.1-mini', '{gpt-4.1-mini-2025-04-14}', 0.4, 0.1, null, null, 1.6, null, 1047576, 32768, false),
    ('openai', 'gpt-4.1-nano', '{gpt-4.1-nano-2025-04-14}', 0.1, 0.025, null, null, 0.4, null, 1047576, 32768, false),
    ('openai', 'gpt-5', '{gpt-5-2025-08-07}', 1.25, 0.125, null, null, 10, null, 400000, 128000, false),
    ('openai', 'gpt-5-mini', '{gpt-5-mini-2025-08-07}', 0.25, 0.025, null, null, 2, null, 400000, 128000, false),
    ('openai', 'gpt-5-nano', '{gpt-5-nano-2025-08-07}', 0.05, 0.005, null, null, 0.4, null, 400000, 128000, false),
    ('openai', 'gpt-5-chat-latest', '{}', 1.25, 0.125, null, null, 10, null, 128000, 16384, false),
    ('openai', 'gpt-5-pro', '{gpt-5-pro-2025-10-06}', 15, null, null, null, 120, null, 400000, 272000, false),
    ('openai', 'gpt-5.1', '{gpt-5.1-2025-11-13}', 1.25, 0.125, null, null, 10, null, 400000, 128000, false),
    ('openai', 'gpt-5-codex', '{}', 1.25, 0.125, null, null, 10, null, 400000, 128000, false),
    ('openai', 'gpt-5.1-codex', '{}', 1.25, 0.125, null, null, 10, null, 400000, 128000, false),
    ('openai', 'gpt-5.2-codex', '{}', 1.75, 0.175, null, null, 14, null, 400000, 128000, false),
    ('openai', 'gpt-5.1-codex-mini', '{}', 0.25, 0.025, null, null, 2, null, 400000, 128000, false),
    ('openai', 'gpt-5.2', '{gpt-5.2-2025-12-11}', 1.75, 0.175, null, null, 14, null, 400000, 128000, false),
    ('openai', 'gpt-5.4', '{gpt-5.4-2026-03-05}', 2.5, 0.25, null, null, 15, '{272000,5,0.5,5,5,22.5}', 1050000, 128000, false),
    ('openai', 'gpt-5.4-mini', '{gpt-5.4-mini-2026-03-17}', 0.75, 0.075, null, null, 4.5, null, 400000, 128000, false),
    ('openai', 'gpt-5.4-nano', '{gpt-5.4-nano-2026-03-17}', 0.2, 0.02, null, null, 1.25, null, 400000, 128000, false),
    ('openai', 'gpt-5.5', '{gpt-5.5-2026-04-23}', 5, 0.5, null, null, 30, '{272000,10,1,10,10,45}', 1050000, 128000, false),
    ('openai', 'o1', '{o1-2024-12-17}', 15, 7.5, null, null, 60, null, 200000, 100000, false),
    ('openai', 'o3', '{o3-2025-04-16}', 2, 0.5, null, null, 8, null, 200000, 100000, false),
    ('openai', 'o3-mini', '{o3-mini-2025-01-31}', 1.1, 0.55, null, null, 4.4, null, 200000, 100000, false),
    ('openai', 'o3-pro', '{o3-pro-2025-06-10}', 20, null, null, null, 80, null, 200000, 100000, false),
    ('openai', 'o4-mini', '{o4-mini-2025-04-16}', 1.1, 0.275, null, null, 4.4, null, 200000, 100000, false),
    ('openai', 'text-embedding-3-small', '{}', 0.02, null, null, null, 0, null, 8191, null, true),
    ('openai', 'text-embedding-3-large', '{}', 0.13, null, null, null, 0, null, 8191, null, true),
    ('openai', 'text-embedding-ada-002', '{}', 0.1, null, null, null, 0, null, 8191, null, true),

    ('anthropic', 'claude-3-5-haiku', '{claude-3-5-haiku-20241022,claude-3-5-haiku-latest}', 0.8, 0.08, 1, 1.6, 4, null, 200000, 8192, false),
    ('anthropic', 'claude-3-5-sonnet', '{claude-3-5-sonnet-20240620,claude-3-5-sonnet-20241022,claude-3-5-sonnet-latest}', 3, 0.3, 3.75, 6, 15, null, 200000, 8192, false),
    ('anthropic', 'claude-3-7-sonnet', '{claude-3-7-sonnet-20250219,claude-3-7-sonnet-latest}', 3, 0.3, 3.75, 6, 15, null, 200000, 64000, false),
    ('anthropic', 'claude-3-haiku', '{claude-3-haiku-20240307}', 0.25, 0.03, 0.3, 0.5, 1.25, null, 200000, 4096, false),
    ('anthropic', 'claude-sonnet-4', '{claude-sonnet-4-0,claude-sonnet-4-20250514}', 3, 0.3, 3.75, 6, 15, '{200000,6,0.6,7.5,12,22.5}', 1000000, 64000, false),
    ('anthropic', 'claude-opus-4', '{claude-opus-4-0,claude-opus-4-20250514}', 15, 1.5, 18.75, 30, 75, null, 200000, 32000, false),
    ('anthropic', 'claude-opus-4-1', '{claude-opus-4-1-20250805}', 15, 1.5, 18.75, 30, 75, null, 200000, 32000, false),
    ('anthropic', 'claude-sonnet-4-5', '{claude-sonnet-4-5-20250929}', 3, 0.3, 3.75, 6, 15, '{200000,6,0.6,7.5,12,22.5}', 1000000, 64000, false),
    ('anthropic', 'claude-haiku-4-5', '{claude-haiku-4-5-20251001}', 1, 0.1, 1.25, 2, 5, null, 200000, 64000, false),
    ('anthropic', 'claude-opus-4-5', '{claude-opus-4-5-20251101}', 5, 0.5, 6.25, 10, 25, null, 200000, 64000, false),

    ('google', 'gemini-2.0-flash', '{gemini-2.0-flash-001}', 0.1, 0.025, null, null, 0.4, null, 1048576, 8192, false),
    ('google', 'gemini-2.0-flash-lite', '{gemini-2.0-flash-lite-001}', 0.075, null, null, null, 0.3, null, 1048576, 8192, false),
    ('google', 'gemini-2.5-flash-lite', '{}', 0.1, 0.01, null, null, 0.4, null, 1048576, 65536, false),
    ('google', 'gemini-2.5-flash', '{}', 0.3, 0.03, null, null, 2.5, null, 1048576, 65536, false),
    ('google', 'gemini-2.5-pro', '{}', 1.25, 0.125, null, null, 10, '{200000,2.5,0.25,2.5,2.5,15}', 1048576, 65536, false),
    ('google', 'gemini-3-flash-preview', '{}', 0.5, 0.05, null, null, 3, null, 1048576, 65536, false),
    ('google', 'gemini-3-pro-preview', '{}', 2, 0.2, null, null, 12, '{200000,4,0.4,4,4,18}', 1048576, 65536, false),
    ('google', 'gemini-embedding-001', '{}', 0.15, null, null, null, 0, null, 2048, null, true),

    ('mistral', 'mistral-small-2506', '{}', 0.1, null, null, null, 0.3, null, 128000, 16384, false),
    ('mistral', 'mistral-small-2603', '{mistral-small-latest}', 0.15, null, null, null, 0.6, null, 256000, 256000, false),
    ('mistral', 'mistral-medium-2505', '{}', 0.4, null, null, null, 2, null, 131072, 131072, false),
    ('mistral', 'mistral-medium-2508', '{}', 0.4, null, null, null, 2, null, 262144, 262144, false),
    ('mistral', 'mistral-large-2411', '{}', 2, null, null, null, 6, null, 131072, 16384, false),
    ('mistral', 'mistral-large-2512', '{mistral-large-latest}', 0.5, null, null, null, 1.5, null, 262144, 262144, false),
    ('mistral', 'codestral-latest', '{}', 0.3, null, null, null, 0.9, null, 256000, 4096, false),
    ('mistral', 'mistral-embed', '{}', 0.1, null, null, null, 0, null, 8000, null, true),

    ('novita', 'deepseek/deepseek-v3-0324', '{}', 0.27, 0.135, null, null, 1.12, null, 163840, 163840, false),
    ('novita', 'deepseek/deepseek-v3.1', '{}', 0.27, 0.135, null, null, 1, null, 131072, 32768, false),
    ('novita', 'deepseek/deepseek-v3.2', '{}', 0.269, 0.1345, null, null, 0.4, null, 163840, 65536, false),
    ('novita', 'deepseek/deepseek-r1-0528', '{}', 0.7, 0.35, null, null, 2.5, null, 163840, 32768, false),
    ('novita', 'meta-llama/llama-3.1-8b-instruct', '{}', 0.02, null, null, null, 0.05, null, 16384, 16384, false),
    ('novita', 'meta-llama/llama-3.3-70b-instruct', '{}', 0.135, null, null, null, 0.4, null, 131072, 120000, false),
    ('novita', 'meta-llama/llama-4-maverick-17b-128e-instruct-fp8', '{}', 0.27, null, null, null, 0.85, null, 1048576, 8192, false),

    ('openrouter', 'openai/gpt-4o', '{}', 2.5, null, null, null, 10, null, 128000, 16384, false),
    ('openrouter', 'openai/gpt-4o-mini', '{}', 0.15, 0.075, null, null, 0.6, null, 128000, 16384, false),
    ('openrouter', 'openai/gpt-5', '{}', 1.25, 0.125, null, null, 10, null, 400000, 128000, false),
    ('openrouter', 'openai/gpt-5-mini', '{}', 0.25, 0.025, null, null, 2, null, 400000, 128000, false),
    ('openrouter', 'anthropic/claude-sonnet-4.5', '{}', 3, 0.3, 3.75, 6, 15, '{200000,6,0.6,7.5,12,22.5}', 1000000, 64000, false),
    ('openrouter', 'anthropic/claude-haiku-4.5', '{}', 1, 0.1, 1.25, 2, 5, null, 200000, 64000, false),
    ('openrouter', 'google/gemini-2.5-flash', '{}', 0.3, 0.03, null, null, 2.5, null, 1048576, 65535, false),
    ('openrouter', 'meta-llama/llama-3.3-70b-instruct', '{}', 0.1, null, null, null, 0.32, null, 131072, 16384, false),

    -- It runs on the operator's own machine.
    ('ollama', '*', '{}', 0, null, null, null, 0, null, null, null, false)
  ) x (kind, name, aliases, input, cached, write, write_long, output, tier, context, output_max, embeds)
  cross join lateral (select case x.kind
    when 'openai' then 'openai.com/api/pricing'
    when 'anthropic' then 'claude.com/pricing'
    when 'google' then 'ai.google.dev/gemini-api/docs/pricing'
    when 'mistral' then 'mistral.ai/pricing'
    when 'novita' then 'novita.ai/pricing'
    when 'openrouter' then 'openrouter.ai/models'
    else 'local machine' end || case when x.kind = 'ollama' then '' else ', as models.dev had it on 2026-07-02' end) s (source)
  order by x.kind, x.name;
