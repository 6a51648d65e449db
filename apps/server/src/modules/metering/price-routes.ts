/** The routes of model prices: customers see what they pay, the operator sees and publishes what providers ask. */
import {
  fromMoney,
  type ModelPriceView,
  modelPriceList,
  type NewTokenPrices,
  type PublishedModelPrice,
  type PublishModelPrice,
  publishedModelPrice,
  publishedModelPriceList,
  publishModelPrice,
  type TokenPrices,
  toMoney,
} from '@guildhall/contract';
import { type RouteDefinition, route } from '../../platform/http/index.ts';
import type { Audit } from '../audit/index.ts';
import { assertLive } from '../identity/index.ts';
import { customerCost, type ModelPrice, type NewModelPrice, type TokenRates } from './model-price.ts';
import type { Metering } from './service.ts';

type Priced = (nanos: bigint) => bigint;
const asAsked: Priced = (nanos) => nanos;

const toPrices = (rates: TokenRates, priced: Priced): TokenPrices => ({
  input: toMoney(priced(rates.input)),
  cachedInput: toMoney(priced(rates.cachedInput)),
  cacheWrite: toMoney(priced(rates.cacheWrite)),
  cacheWriteLong: toMoney(priced(rates.cacheWriteLong)),
  output: toMoney(priced(rates.output)),
  reasoning: toMoney(priced(rates.reasoning)),
});

const toView = (price: ModelPrice, priced: Priced): ModelPriceView => ({
  model: `${price.kind}/${price.name}`,
  aliases: [...price.aliases],
  perMillionTokens: toPrices(price, priced),
  tiers: price.tiers.map((tier) => ({
    aboveInputTokens: tier.aboveInputTokens,
    perMillionTokens: toPrices(tier, priced),
  })),
  perImage: toMoney(priced(price.perImage)),
  perRequest: toMoney(priced(price.perRequest)),
  contextTokens: price.contextTokens ?? null,
  outputTokensMax: price.outputTokensMax ?? null,
  embeds: price.embeds,
  effectiveFrom: price.effectiveFrom.toISOString(),
});

const toOperatorView = (price: ModelPrice): PublishedModelPrice => ({
  ...toView(price, asAsked),
  id: price.id,
  source: price.source,
});

function fromPrices(prices: NewTokenPrices): TokenRates {
  const { input, output, cachedInput = input, cacheWrite = input, reasoning = output } = prices;
  const { cacheWriteLong = cacheWrite } = prices;
  return {
    input: fromMoney(input),
    cachedInput: fromMoney(cachedInput),
    cacheWrite: fromMoney(cacheWrite),
    cacheWriteLong: fromMoney(cacheWriteLong),
    output: fromMoney(output),
    reasoning: fromMoney(reasoning),
  };
}

/** What names and sizes the model stays as it was before when it is left out: a new price is no reason to forget it. */
const fromBody = (body: PublishModelPrice, before: ModelPrice | undefined): NewModelPrice => ({
  kind: body.provider,
  name: body.name,
  aliases: body.aliases ?? before?.aliases ?? [],
  effectiveFrom: body.effectiveFrom === undefined ? undefined : new Date(body.effectiveFrom),
  ...fromPrices(body.perMillionTokens),
  tiers: body.tiers.map((tier) => ({
    aboveInputTokens: tier.aboveInputTokens,
    ...fromPrices(tier.perMillionTokens),
  })),
  perImage: body.perImage ? fromMoney(body.perImage) : 0n,
  perRequest: body.perRequest ? fromMoney(body.perRequest) : 0n,
  contextTokens: body.contextTokens ?? before?.contextTokens,
  outputTokensMax: body.outputTokensMax ?? before?.outputTokensMax,
  embeds: body.embeds ?? before?.embeds ?? false,
  source: body.source,
});

const listForCustomers = (metering: Metering) =>
  route({
    method: 'GET',
    path: '/v1/model-prices',
    summary: 'List what the use of each model costs',
    tag: 'Money',
    scope: 'billing:read',
    responses: { 200: modelPriceList },
    async handler() {
      const [book, prices] = await Promise.all([metering.priceBook(), metering.modelPrices()]);
      return {
        status: 200,
        body: { data: prices.map((price) => toView(price, (nanos) => customerCost(book, nanos))) },
      };
    },
  });

const listForOperator = (metering: Metering) =>
  route({
    method: 'GET',
    path: '/v1/operator/model-prices',
    summary: 'List what providers ask, now and from announced times on',
    tag: 'Operator',
    scope: 'operator',
    responses: { 200: publishedModelPriceList },
    async handler({ principal }) {
      assertLive(principal);
      return { status: 200, body: { data: (await metering.announcedModelPrices()).map(toOperatorView) } };
    },
  });

const publish = (metering: Metering, audit: Audit) =>
  route({
    method: 'POST',
    path: '/v1/operator/model-prices',
    summary: 'Publish what a provider asks for a model, from now or a time to come',
    tag: 'Operator',
    scope: 'operator',
    body: publishModelPrice,
    responses: { 201: publishedModelPrice },
    async handler({ principal, body, requestId, mutate }) {
      assertLive(principal);
      const known = await metering.announcedModelPrices();
      const before = known.find(({ kind, name }) => kind === body.provider && name === body.name);
      const price = fromBody(body, before);
      const answer = await mutate(async (tx) => {
        const published = await metering.publishModelPrice(tx, price);
        await audit.append(tx, {
          orgId: principal.orgId,
          actorType: 'operator',
          actorId: principal.keyId,
          action: 'model-price.publish',
          targetType: 'model-price',
          targetId: published.id,
          requestId,
          data: {
            model: `${published.kind}/${published.name}`,
            input: published.input.toString(),
            output: published.output.toString(),
          },
        });
        return { status: 201, body: toOperatorView(published) };
      });
      // This process uses it at once; the others within seconds.
      await metering.announcedModelPrices();
      return answer;
    },
  });

export function modelPriceRoutes(deps: { readonly metering: Metering; readonly audit: Audit }): RouteDefinition[] {
  return [listForCustomers(deps.metering), listForOperator(deps.metering), publish(deps.metering, deps.audit)];
}
