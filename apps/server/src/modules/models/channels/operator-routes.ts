/** The HTTP routes of the operator's providers. */
import {
  createProviderBody,
  type Provider,
  provider,
  providerCheck,
  providerPage,
  providerParams,
  updateProviderBody,
} from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { assertLive } from '../../identity/index.ts';
import { providerErrors } from './errors.ts';
import { EVERYBODY } from './memory.ts';
import { actorOf, type Remembered } from './routes.ts';
import type { ProviderService } from './service.ts';
import type { ProviderRecord } from './types.ts';
import { toCheckView } from './views.ts';

const BASE = '/v1/operator/providers';
const TAG = 'Operator';

export interface OperatorView extends Remembered {
  /** Providers that are stored nowhere: of the settings, and an Ollama that was found. */
  fixed(): readonly Provider[];
  shown(record: ProviderRecord): Provider;
}

/** @throws providers.from-settings for what is no row. */
function assertStored(view: OperatorView, id: string): void {
  if (view.fixed().some((one) => one.id === id)) throw new GuildhallError(providerErrors.fromSettings);
}

export function operatorRoutes(service: ProviderService, view: OperatorView): readonly RouteDefinition[] {
  return [...readingRoutes(service, view), ...writingRoutes(service, view), ...endingRoutes(service, view)];
}

function readingRoutes(service: ProviderService, view: OperatorView): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: BASE,
      summary: 'List the providers of this installation: of the settings, found on this machine, and stored.',
      tag: TAG,
      scope: 'operator',
      responses: { 200: providerPage },
      async handler({ principal }) {
        assertLive(principal);
        const stored = (await service.listProviders()).map(view.shown);
        return { status: 200, body: { data: [...view.fixed(), ...stored], nextCursor: null } };
      },
    }),
    route({
      method: 'GET',
      path: `${BASE}/{id}`,
      summary: 'Show a provider of this installation, without its key.',
      tag: TAG,
      scope: 'operator',
      params: providerParams,
      responses: { 200: provider },
      async handler({ principal, params }) {
        assertLive(principal);
        const fixed = view.fixed().find((one) => one.id === params.id);
        return { status: 200, body: fixed ?? view.shown(await service.getProvider(params.id)) };
      },
    }),
  ];
}

function writingRoutes(service: ProviderService, view: OperatorView): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: BASE,
      summary: 'Add a provider for all organisations, after it was tried.',
      tag: TAG,
      scope: 'operator',
      body: createProviderBody,
      responses: { 201: provider },
      async handler(call) {
        assertLive(call.principal);
        const store = await service.prepareProvider(call.body);
        return call.mutate(async (tx) => {
          const { record, check } = await store(tx, actorOf(call, 'operator'));
          view.changed(EVERYBODY, { id: record.id, check });
          return { status: 201, body: view.shown(record) };
        });
      },
    }),
    route({
      method: 'PUT',
      path: `${BASE}/{id}`,
      summary: 'Change a stored provider; what is left out stays. Another address needs the key again.',
      tag: TAG,
      scope: 'operator',
      params: providerParams,
      body: updateProviderBody,
      responses: { 200: provider },
      async handler(call) {
        assertLive(call.principal);
        assertStored(view, call.params.id);
        const store = await service.prepareUpdate(call.params.id, call.body);
        const answer = await call.mutate(async (tx) => {
          const { record, check } = await store(tx, actorOf(call, 'operator'));
          if (check) view.changed(EVERYBODY, { id: record.id, check });
          return { status: 200, body: view.shown(record) };
        });
        view.changed(EVERYBODY);
        return answer;
      },
    }),
  ];
}

function endingRoutes(service: ProviderService, view: OperatorView): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: `${BASE}/{id}/test`,
      summary: 'Try a stored provider now.',
      tag: TAG,
      scope: 'operator',
      params: providerParams,
      responses: { 200: providerCheck },
      async handler(call) {
        assertLive(call.principal);
        assertStored(view, call.params.id);
        const store = await service.prepareProviderTest(call.params.id);
        return call.mutate(async (tx) => ({
          status: 200,
          body: toCheckView(await store(tx, actorOf(call, 'operator'))),
        }));
      },
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/{id}`,
      summary: 'Delete a stored provider; calls under way end by themselves.',
      tag: TAG,
      scope: 'operator',
      params: providerParams,
      responses: { 204: null },
      async handler(call) {
        assertLive(call.principal);
        assertStored(view, call.params.id);
        const answer = await call.mutate(async (tx) => {
          await service.removeProvider(tx, actorOf(call, 'operator'), call.params.id);
          return { status: 204, body: {} };
        });
        view.changed(EVERYBODY);
        return answer;
      },
    }),
  ];
}
