/** Which models stand behind a class or a tier. */
import type { ModelChoice } from '@guildhall/contract';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Db, Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Metering, PriceBook } from '../../metering/index.ts';
import { isProviderKind } from '../types.ts';
import { DEFAULT_LISTS, type WeightedModel } from './defaults.ts';
import { choiceErrors } from './errors.ts';
import { remember } from './remembered.ts';
import * as store from './store.ts';

export interface ChoicesDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly metering: Pick<Metering, 'priceBook' | 'modelPrice'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface Choices {
  /**
   * The models behind `guildhall/<class>` or `guildhall/<tier>`, drawn by weight, the rest behind it as fallbacks in the order of the list;
   * undefined for any other name. What the operator changes is used by every process within 5 s.
   */
  forName(name: string): Promise<readonly string[] | undefined>;
}

/** What the operator's routes ask beside. */
export interface ChoiceService extends Choices {
  /** Every class and tier with the list in force for it. */
  list(): Promise<ModelChoice[]>;
  /** @throws `models.choice-unfit` for a name that is none, or a model that is unknown, unpriced or makes embeddings. */
  assertFit(name: string, models: readonly WeightedModel[] | undefined): Promise<void>;
  /** Returns what is in force for the name then. */
  put(tx: Tx, name: string, models: readonly WeightedModel[] | undefined): Promise<ModelChoice>;
  /** To be called after the commit of a change. */
  changed(): void;
}

const PREFIX = 'guildhall/';
const ALL = '*';

/** The heavier a model, the likelier it comes first; those not drawn keep their order. */
function drawn(list: readonly WeightedModel[], random: () => number): string[] {
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  let at = random() * total;
  const first = list.find(({ weight }) => {
    at -= weight;
    return at < 0;
  });
  return first ? [first.model, ...list.filter((one) => one !== first).map(({ model }) => model)] : [];
}

/** A tier's own list, else that of its class, each the operator's before the program's. */
function choiceOf(book: PriceBook, stored: ReadonlyMap<string, readonly WeightedModel[]>, name: string) {
  const own = stored.get(name);
  if (own) return { name, source: 'operator' as const, models: own };
  const modelClass = book.tiers.find((tier) => tier.id === name)?.modelClass;
  const ofClass = modelClass === undefined ? undefined : stored.get(modelClass);
  const models = ofClass ?? DEFAULT_LISTS[modelClass ?? name];
  return models && { name, source: modelClass ? ('class' as const) : ('default' as const), models };
}

const namesOf = (book: PriceBook): string[] => [
  ...new Set([
    ...Object.keys(DEFAULT_LISTS),
    ...book.tiers.map(({ modelClass }) => modelClass),
    ...book.tiers.map(({ id }) => id),
  ]),
];

async function faultOf(metering: ChoicesDeps['metering'], model: string): Promise<string | undefined> {
  const at = model.indexOf('/');
  const kind = model.slice(0, at);
  if (!isProviderKind(kind)) return 'begins with no provider that is known';
  const name = model.slice(at + 1);
  const price = name === '*' ? undefined : await metering.modelPrice(kind, name);
  if (!price) return 'has no price';
  return price.embeds ? 'makes embeddings' : undefined;
}

export function createChoices(deps: ChoicesDeps): ChoiceService {
  const { db, metering } = deps;
  const stored = remember(deps.clock, () => db.open(store.listChoices));
  return {
    async forName(name) {
      if (!name.startsWith(PREFIX)) return undefined;
      const [book, lists] = await Promise.all([metering.priceBook(), stored.get(ALL)]);
      const choice = choiceOf(book, lists, name.slice(PREFIX.length));
      return choice && drawn(choice.models, deps.random);
    },
    async list() {
      const [book, lists] = await Promise.all([metering.priceBook(), stored.get(ALL)]);
      return namesOf(book).flatMap((name) => {
        const choice = choiceOf(book, lists, name);
        return choice ? [{ ...choice, models: [...choice.models] }] : [];
      });
    },
    async assertFit(name, models = []) {
      const names = namesOf(await metering.priceBook());
      const errors = names.includes(name) ? [] : [{ path: '/name', message: `is none of ${names.join(', ')}` }];
      for (const [index, { model }] of models.entries()) {
        const message = await faultOf(metering, model);
        if (message) errors.push({ path: `/models/${index}/model`, message });
      }
      if (errors.length > 0) throw new GuildhallError(choiceErrors.choiceUnfit, { errors });
    },
    async put(tx, name, models) {
      await store.putChoice(tx, name, models);
      const choice = choiceOf(await metering.priceBook(tx), await store.listChoices(tx), name);
      return choice ? { ...choice, models: [...choice.models] } : { name, source: 'default', models: [] };
    },
    changed: () => stored.forget(ALL),
  };
}
