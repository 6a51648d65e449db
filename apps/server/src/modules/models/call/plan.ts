/** Which models may answer a request, over which channels, and at which price: from the name a client wrote. */
import type { ModelPolicy } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Metering, ModelPrice } from '../../metering/index.ts';
import { type Channels, REQUEST_CHANNEL, type RequestKey } from '../channels/index.ts';
import { allowsModel, type Choices, choiceErrors, faultOfChannel, type Policies } from '../choices/index.ts';
import { callErrors } from '../errors.ts';
import { type Channel, isProviderKind, type ProviderKind, type Wire } from '../types.ts';
import type { Target } from '../upstream/index.ts';

/** A model that may answer. */
export interface PlannedTarget extends Target {
  readonly kind: ProviderKind;
  /** As the provider calls it. */
  readonly name: string;
  /** Undefined where the customer's own key pays the provider and we do not know what. */
  readonly price: ModelPrice | undefined;
  readonly ownKey: boolean;
}

export interface Plan {
  /** The first is what was asked for. */
  readonly targets: readonly [PlannedTarget, ...PlannedTarget[]];
  readonly mayFallBack: boolean;
}

export interface PlanDeps {
  readonly channels: Pick<Channels, 'candidates' | 'models'>;
  readonly metering: Pick<Metering, 'modelPrice'>;
  readonly choices: Choices;
  readonly policies: Pick<Policies, 'forOrg'>;
}

export interface Asked {
  readonly orgId: string;
  readonly wire: Wire;
  readonly model: string;
  readonly requestKey: RequestKey | undefined;
  /** Left out: whoever there is. */
  readonly channels?: 'own' | 'operator' | undefined;
}

/** Of several providers that offer a bare name, the one whose own model it is comes before those who resell it. */
const MAKERS: readonly ProviderKind[] = ['openai', 'anthropic', 'google', 'mistral'];

export function providerWire(kind: ProviderKind, client: Wire): Wire {
  if (kind === 'openai') return client === 'messages' ? 'chat' : client;
  if (client === 'embeddings') {
    if (kind === 'anthropic') throw new GuildhallError(callErrors.noEmbeddings);
    return 'embeddings';
  }
  return kind === 'anthropic' ? 'messages' : 'chat';
}

interface Named {
  readonly kind: ProviderKind;
  readonly name: string;
}

function split(model: string): Named | undefined {
  const at = model.indexOf('/');
  const kind = model.slice(0, at);
  return at > 0 && isProviderKind(kind) ? { kind, name: model.slice(at + 1) } : undefined;
}

/** Who offers a bare name: makers first, then in the order of the channels. A price for every model of a kind says nothing about one name. */
async function kindsOffering(deps: PlanDeps, asked: Asked, kinds: readonly ProviderKind[]): Promise<ProviderKind[]> {
  const listed = await deps.channels.models(asked.orgId);
  const offers = await Promise.all(
    kinds.map(async (kind) => {
      const price = await deps.metering.modelPrice(kind, asked.model);
      const isPriced = price !== undefined && price.name !== '*';
      const isListed = listed.some(({ channel, names }) => channel.kind === kind && names.includes(asked.model));
      return isPriced || isListed ? [kind] : [];
    }),
  );
  const found = offers.flat();
  const rank = (kind: ProviderKind): number => (MAKERS.includes(kind) ? 0 : 1);
  return found.toSorted((a, b) => rank(a) - rank(b));
}

const refused = (detail: string): GuildhallError =>
  new GuildhallError(choiceErrors.policyRefuses, { detail, errors: [{ path: '/model', message: 'is not allowed' }] });

/** Of the channels of one kind, those that the organisation allows. @throws `models.policy-refuses` when that is none. */
function allowed(policy: ModelPolicy, { kind, name }: Named, ofKind: readonly Channel[]): readonly Channel[] {
  const faults = ofKind.map((channel) => {
    const isStoredKey = channel.ownerOrgId !== undefined && channel.id !== REQUEST_CHANNEL;
    return faultOfChannel(policy, channel, isStoredKey);
  });
  const fit = ofKind.filter((_, index) => faults[index] === undefined);
  if (fit.length === 0) throw refused(`Every way to "${kind}/${name}" ${[...new Set(faults)].join(', or ')}.`);
  return fit;
}

interface Ways {
  readonly policy: ModelPolicy;
  readonly all: readonly Channel[];
}

async function target(deps: PlanDeps, asked: Asked, named: Named, { policy, all }: Ways): Promise<PlannedTarget> {
  const price = await deps.metering.modelPrice(named.kind, named.name);
  if (!allowsModel(policy, named.kind, [named.name, price?.name ?? named.name]))
    throw refused(`"${named.kind}/${named.name}" is not among the models that it allows.`);
  if (price?.embeds && asked.wire !== 'embeddings') throw new GuildhallError(callErrors.embedsOnly);
  const ofKind = allowed(
    policy,
    named,
    all.filter((channel) => channel.kind === named.kind),
  );
  const owned = ofKind.filter((channel) => channel.ownerOrgId !== undefined);
  const ownKey = owned.length > 0;
  if (!price && !ownKey)
    throw new GuildhallError(callErrors.unpriced, {
      detail: `"${named.kind}/${named.name}" has no price.`,
      errors: [{ path: '/model', message: 'has no price' }],
    });
  return {
    ...named,
    model: `${named.kind}/${named.name}`,
    wire: providerWire(named.kind, asked.wire),
    channels: ownKey ? owned : ofKind,
    price,
    ownKey,
  };
}

const unknown = (model: string): GuildhallError =>
  new GuildhallError(callErrors.unknownModel, {
    detail: `No provider that is set up here offers "${model.slice(0, 200)}".`,
    errors: [{ path: '/model', message: 'is not offered here' }],
  });

/** Whether another model of the list may stand in for one that cannot be asked. */
const isReplaceable = (error: unknown): error is GuildhallError =>
  error instanceof GuildhallError &&
  (error.spec === callErrors.unpriced ||
    error.spec === callErrors.noEmbeddings ||
    error.spec === choiceErrors.policyRefuses);

/** Models of a tier's list that can be asked, in the order in which they are to be. */
async function chosen(deps: PlanDeps, asked: Asked, ways: Ways): Promise<Plan | undefined> {
  const models = await deps.choices.forName(asked.model);
  if (models === undefined) return undefined;
  const named = models.flatMap((model) => split(model) ?? []);
  const served = named.filter(({ kind }) => ways.all.some((channel) => channel.kind === kind));
  const refusals: GuildhallError[] = [];
  const found = await Promise.all(
    served.map(async (one) => {
      try {
        return [await target(deps, asked, one, ways)];
      } catch (error) {
        if (!isReplaceable(error)) throw error;
        refusals.push(error);
        return [];
      }
    }),
  );
  const [first, ...others] = found.flat();
  if (!first)
    throw refusals[0] ?? new GuildhallError(callErrors.noProvider, { detail: `Nobody serves "${asked.model}".` });
  // What may not be asked must not make the hold larger either.
  return ways.policy.mayFallBack ? { targets: [first, ...others], mayFallBack: true } : only(first);
}

const only = (target: PlannedTarget): Plan => ({ targets: [target], mayFallBack: false });

/** @throws `models.unknown-model`, `.unpriced`, `.no-provider`, `.no-embeddings`, `.policy-refuses`, and what channels say of a key that the request brings. */
export async function plan(deps: PlanDeps, asked: Asked): Promise<Plan> {
  const { orgId, requestKey } = asked;
  const named = split(asked.model);
  const offered = await deps.channels.candidates({ orgId, kind: requestKey && named?.kind, requestKey });
  const { channels } = asked;
  const all = channels ? offered.filter((one) => (one.ownerOrgId !== undefined) === (channels === 'own')) : offered;
  if (all.length === 0) throw new GuildhallError(callErrors.noProvider);
  const ways = { policy: await deps.policies.forOrg(orgId), all };
  const list = await chosen(deps, asked, ways);
  if (list) return list;
  const kinds = [...new Set(all.map((channel) => channel.kind))];
  if (named) {
    if (!kinds.includes(named.kind)) throw unknown(asked.model);
    return only(await target(deps, asked, named, ways));
  }
  const [kind] = requestKey ? kinds : await kindsOffering(deps, asked, kinds);
  if (kind === undefined) throw unknown(asked.model);
  return only(await target(deps, asked, { kind, name: asked.model }, ways));
}
