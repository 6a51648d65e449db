-- Lock: none on existing tables; adds the model part of the price book.

-- What a provider asks for one model from a time on. The same for all organisations. A row is never changed: a new price is a new row,
-- so that every call can be priced again from the id of the row that it was priced by.
create table metering.model_price (
  -- Rises in the order of commits (they are published one at a time), so that a reader needs only what came after the rows it has.
  seq int generated always as identity primary key,
  id text not null generated always as ('price_' || seq::text) stored unique,
  kind text not null check (kind <> ''),
  -- As the provider calls the model; '*' for every model of the kind that has no row of its own.
  name text not null check (name <> ''),
  -- Other names of exactly this model, such as its dated variants. Names are never compared by their beginnings.
  aliases text[] not null default '{}',
  effective_from timestamptz not null,
  -- Nano-USD per million tokens. `input` is also the price of what is embedded.
  input bigint not null check (input between 0 and 10000000000000),
  cached_input bigint not null check (cached_input between 0 and 10000000000000),
  cache_write bigint not null check (cache_write between 0 and 10000000000000),
  -- Kept in the cache for an hour instead of five minutes.
  cache_write_long bigint not null check (cache_write_long between 0 and 10000000000000),
  output bigint not null check (output between 0 and 10000000000000),
  reasoning bigint not null check (reasoning between 0 and 10000000000000),
  -- [{ aboveInputTokens, input, cachedInput, cacheWrite, cacheWriteLong, output, reasoning }], ascending: a call with more input than
  -- that is priced by this tier as a whole.
  tiers jsonb not null default '[]' check (jsonb_typeof(tiers) = 'array'),
  -- Nano-USD each.
  per_image bigint not null default 0 check (per_image between 0 and 10000000000000),
  per_request bigint not null default 0 check (per_request between 0 and 10000000000000),
  -- Null: unknown.
  context_tokens int check (context_tokens > 0),
  output_tokens_max int check (output_tokens_max > 0),
  embeds boolean not null default false,
  -- Where the price was read, and when.
  source text not null,
  published_at timestamptz not null default platform.now()
);
create index model_price_name on metering.model_price (kind, name, effective_from);
create trigger append_only before update or delete or truncate on metering.model_price
  for each statement execute function metering.refuse_change();
grant select on metering.model_price to guildhall_app;
grant select, insert on metering.model_price to guildhall_definer;
alter table metering.model_price owner to guildhall_definer;

-- Publishes a row; without `effectiveFrom` it is in force at once. Outcome: 'published'; 'past' when it was to be in force before now;
-- 'taken' when an alias is or was another model's, named in `conflict`.
create function metering.publish_model_price(p jsonb) returns table (outcome text, conflict text, seq int) language plpgsql as $$
declare
  v_aliases text[] := array(select jsonb_array_elements_text(p -> 'aliases'));
  v_now timestamptz;
begin
  perform pg_advisory_xact_lock(4871226014);
  v_now := platform.now();
  if (p ->> 'effectiveFrom')::timestamptz < v_now then
    outcome := 'past';
    return next;
    return;
  end if;
  select a.alias into conflict from unnest(v_aliases) a (alias) where exists (
    select 1 from metering.model_price m where m.kind = p ->> 'kind' and m.name <> p ->> 'name' and (m.name = a.alias or a.alias = any (m.aliases))) limit 1;
  if conflict is not null then
    outcome := 'taken';
    return next;
    return;
  end if;
  outcome := 'published';
  insert into metering.model_price as m (kind, name, aliases, effective_from, input, cached_input, cache_write, cache_write_long, output, reasoning,
      tiers, per_image, per_request, context_tokens, output_tokens_max, embeds, source, published_at)
    select x.kind, x.name, v_aliases, coalesce(x."effectiveFrom", v_now), x.input, x."cachedInput", x."cacheWrite", x."cacheWriteLong", x.output, x.reasoning,
      x.tiers, x."perImage", x."perRequest", x."contextTokens", x."outputTokensMax", x.embeds, x.source, v_now
    from jsonb_to_record(p) x (kind text, name text, "effectiveFrom" timestamptz, input bigint, "cachedInput" bigint, "cacheWrite" bigint,
      "cacheWriteLong" bigint, output bigint, reasoning bigint, tiers jsonb, "perImage" bigint, "perRequest" bigint, "contextTokens" int,
      "outputTokensMax" int, embeds boolean, source text)
    returning m.seq into seq;
  return next;
end $$;
revoke all on function metering.publish_model_price from public;
call platform.system_function('metering.publish_model_price(jsonb)');
-- The operator's route publishes in the transaction of its audit row, as the application.
grant execute on function metering.publish_model_price to guildhall_app;
