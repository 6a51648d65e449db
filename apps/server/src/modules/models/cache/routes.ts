/** The HTTP routes of the caches: what an organisation sets, and what the caches are good for. */
import { cacheReport, modelSettings, putModelSettingsBody, toMoney } from '@guildhall/contract';
import { actorOf, type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { Audit } from '../../audit/index.ts';
import { assertLive } from '../../identity/index.ts';
import { DEFAULT_SETTINGS, type KnownSettings, TTL_SECONDS_DEFAULT } from './settings.ts';
import type { Shelf } from './shelf.ts';
import { findSettings, forgetEntries, listTallies, putSettings, type Tally } from './store.ts';
import type { CacheSettings, EntryKind } from './types.ts';

const SETTINGS = '/v1/model-settings';

export interface CacheRoutesDeps {
  readonly shelf: Pick<Shelf, 'settled'>;
  readonly settings: Pick<KnownSettings, 'changed'>;
  readonly audit: Pick<Audit, 'append'>;
}

type Settable = Omit<CacheSettings, 'generation'>;

const shown = ({ responses, ttlSeconds, vectors }: Settable) => ({
  responseCache: { enabled: responses, ttlSeconds },
  embeddingsCache: { enabled: vectors },
});

const isSame = (a: Settable, b: Settable): boolean =>
  a.responses === b.responses && a.ttlSeconds === b.ttlSeconds && a.vectors === b.vectors;

function settingsRoutes({ settings, audit }: CacheRoutesDeps): RouteDefinition[] {
  const noted = (principal: Principal, requestId: string, wanted: Settable) => ({
    orgId: principal.orgId,
    ...actorOf(principal),
    requestId,
    action: 'model-settings.set',
    targetType: 'model-settings',
    targetId: principal.orgId,
    data: {
      responseCache: String(wanted.responses),
      ttlSeconds: wanted.ttlSeconds,
      embeddingsCache: String(wanted.vectors),
    },
  });
  return [
    route({
      method: 'GET',
      path: SETTINGS,
      summary: 'Show which answers of models are kept for your organisation',
      tag: 'Models',
      scope: 'providers:read',
      responses: { 200: modelSettings },
      async handler({ read }) {
        return { status: 200, body: shown((await read(findSettings)) ?? DEFAULT_SETTINGS) };
      },
    }),
    route({
      method: 'PUT',
      path: SETTINGS,
      summary: 'Set which answers of models are kept; a change forgets what was kept before',
      tag: 'Models',
      scope: 'providers:write',
      body: putModelSettingsBody,
      responses: { 200: modelSettings },
      async handler(call) {
        const { principal, requestId, body } = call;
        assertLive(principal);
        const wanted: Settable = {
          responses: body.responseCache?.enabled ?? DEFAULT_SETTINGS.responses,
          ttlSeconds: body.responseCache?.ttlSeconds ?? TTL_SECONDS_DEFAULT,
          vectors: body.embeddingsCache?.enabled ?? DEFAULT_SETTINGS.vectors,
        };
        const answer = await call.mutate(async (tx) => {
          if (!isSame(wanted, (await findSettings(tx)) ?? DEFAULT_SETTINGS)) {
            await putSettings(tx, wanted);
            await forgetEntries(tx);
            await audit.append(tx, noted(principal, requestId, wanted));
          }
          return { status: 200, body: shown(wanted) };
        });
        settings.changed(principal.orgId);
        return answer;
      },
    }),
  ];
}

const NOTHING = { entries: 0n, bytes: 0n, hits: 0n, misses: 0n, savedNanos: 0n };

const shownTally = ({ hits, misses, savedNanos, entries, bytes }: Omit<Tally, 'kind'>) => ({
  hits: Number(hits),
  misses: Number(misses),
  saved: toMoney(savedNanos),
  entries: Number(entries),
  bytes: Number(bytes),
});

const together = (a: Omit<Tally, 'kind'>, b: Omit<Tally, 'kind'>): Omit<Tally, 'kind'> => ({
  entries: a.entries + b.entries,
  bytes: a.bytes + b.bytes,
  hits: a.hits + b.hits,
  misses: a.misses + b.misses,
  savedNanos: a.savedNanos + b.savedNanos,
});

export const cacheRoutes = (deps: CacheRoutesDeps): RouteDefinition[] => [
  ...settingsRoutes(deps),
  route({
    method: 'GET',
    path: '/v1/cache',
    summary: 'Show what the caches of your organisation hold and what they saved',
    tag: 'Models',
    scope: 'billing:read',
    responses: { 200: cacheReport },
    async handler({ read, principal }) {
      await deps.shelf.settled();
      const tallies = await read((tx) => listTallies(tx, principal.mode));
      const of = (kind: EntryKind): Omit<Tally, 'kind'> => tallies.find((tally) => tally.kind === kind) ?? NOTHING;
      const [responses, embeddings] = [of('response'), of('vector')];
      return {
        status: 200,
        body: {
          ...shownTally(together(responses, embeddings)),
          responses: shownTally(responses),
          embeddings: shownTally(embeddings),
        },
      };
    },
  }),
];
