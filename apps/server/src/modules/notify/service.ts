/** Use cases of webhook endpoints. All run in the caller's transaction, which must be that of the actor's organisation. */
import type {
  CreateWebhookEndpointBody,
  DeliveryStatus,
  Mode,
  ReplayWebhooksBody,
  UpdateWebhookEndpointBody,
} from '@guildhall/contract';
import type { Place } from '../../platform/crypto/index.ts';
import type { Tx } from '../../platform/db/index.ts';
import { egressErrors } from '../../platform/egress/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { actorOf } from '../../platform/http/index.ts';
import { webhookErrors } from './errors.ts';
import { asksForAudit, unknownPatterns } from './rules.ts';
import { makeSecret } from './signature.ts';
import * as store from './store.ts';
import type { Actor, Delivery, Endpoint, NotifyDeps } from './types.ts';

/** Of each mode. More than any integration needs; an event looks at each of them. */
export const ENDPOINTS_MAX = 50;
/** One statement of about a second. */
export const REPLAY_MAX = 10_000;

export type WebhookService = ReturnType<typeof createWebhookService>;

export interface EndpointWithSecret {
  readonly endpoint: Endpoint;
  readonly secret: string;
}

interface Change {
  readonly verb: 'create' | 'update' | 'delete' | 'rotate' | 'replay';
  readonly id: string;
  readonly data?: Readonly<Record<string, string | number>>;
}

/** Where a signing secret is stored, and so the only place where its envelope can be opened. */
export const secretPlace = (orgId: string, endpointId: string, column: 'secret' | 'former_secret'): Place => ({
  orgId,
  table: 'notify.endpoint',
  column,
  rowId: endpointId,
});

function assertMayHear(actor: Actor, events: readonly string[]): void {
  if (actor.mayReadAudit || !asksForAudit(events)) return;
  throw new GuildhallError(webhookErrors.auditRefused);
}

function assertKnown(events: readonly string[]): void {
  const unknown = unknownPatterns(events);
  if (unknown.length === 0) return;
  throw new GuildhallError(webhookErrors.unknownEvent, {
    errors: unknown.map((index) => ({ path: `/events/${index}`, message: 'is no event' })),
  });
}

const choiceOf = (body: ReplayWebhooksBody): store.Choice => {
  if ('deliveryId' in body) return { deliveryId: body.deliveryId };
  return 'failed' in body ? { failed: true } : { from: new Date(body.from), to: new Date(body.to) };
};

type Deps = Pick<NotifyDeps, 'ids' | 'keyring' | 'audit' | 'egress' | 'randomBytes'>;

export function createWebhookService(deps: Deps) {
  const { ids, keyring, audit, egress, randomBytes } = deps;

  /** What can be judged without asking a name server; each attempt is judged again where it connects. */
  const assertCallable = (url: string): void => {
    try {
      egress.check(url);
    } catch (cause) {
      if (!(cause instanceof GuildhallError) || cause.spec !== egressErrors.denied) throw cause;
      const message = cause.details.detail ?? egressErrors.denied.title;
      throw new GuildhallError(webhookErrors.urlRefused, {
        detail: message,
        errors: [{ path: '/url', message }],
        cause,
      });
    }
  };

  const seal = (orgId: string, endpointId: string, secret: string): Buffer =>
    keyring.encrypt(secretPlace(orgId, endpointId, 'secret'), secret);

  const get = async (tx: Tx, mode: Mode, id: string): Promise<Endpoint> => {
    const endpoint = await store.findEndpoint(tx, id, mode);
    if (!endpoint) throw new GuildhallError(webhookErrors.notFound);
    return endpoint;
  };

  const lock = async (tx: Tx, actor: Actor, id: string): Promise<Endpoint> => {
    const endpoint = await store.lockEndpoint(tx, id, actor.mode);
    if (!endpoint) throw new GuildhallError(webhookErrors.notFound);
    return endpoint;
  };

  const note = (tx: Tx, actor: Actor, change: Change) =>
    audit.append(tx, {
      orgId: actor.orgId,
      ...actorOf(actor),
      action: `webhook-endpoint.${change.verb}`,
      targetType: 'webhook-endpoint',
      targetId: change.id,
      requestId: actor.requestId,
      data: change.data,
    });

  return {
    get,

    list: (tx: Tx, page: { mode: Mode; beforeId: string | undefined; limit: number }): Promise<Endpoint[]> =>
      store.listEndpoints(tx, page),

    async create(tx: Tx, actor: Actor, body: CreateWebhookEndpointBody): Promise<EndpointWithSecret> {
      assertKnown(body.events);
      assertMayHear(actor, body.events);
      assertCallable(body.url);
      if ((await store.countEndpoints(tx, actor.orgId, actor.mode)) >= ENDPOINTS_MAX)
        throw new GuildhallError(webhookErrors.tooManyEndpoints, { detail: `The limit is ${ENDPOINTS_MAX}.` });
      const id = ids.make('whk');
      const secret = makeSecret(randomBytes);
      const endpoint = await store.insertEndpoint(tx, {
        id,
        orgId: actor.orgId,
        mode: actor.mode,
        ...body,
        secret: seal(actor.orgId, id, secret),
      });
      await note(tx, actor, { verb: 'create', id });
      return { endpoint, secret };
    },

    /** Disabling ends what is pending; enabling, or another address, forgets failures and pauses of the past. */
    async update(tx: Tx, actor: Actor, id: string, body: UpdateWebhookEndpointBody): Promise<Endpoint> {
      const before = await lock(tx, actor, id);
      if (body.events) assertKnown(body.events);
      if (body.url !== undefined) assertCallable(body.url);
      assertMayHear(actor, [...before.events, ...(body.events ?? [])]);
      const wanted = {
        id,
        url: body.url ?? before.url,
        description: body.description ?? before.description,
        events: body.events ?? before.events,
        enabled: body.enabled ?? before.enabled,
      };
      const startsAfresh = body.enabled === true || wanted.url !== before.url;
      const endpoint = await store.updateEndpoint(tx, { ...wanted, startsAfresh });
      if (before.enabled && !endpoint.enabled) await store.failPending(tx, id);
      await note(tx, actor, { verb: 'update', id, data: { changed: Object.keys(body).join(' ') } });
      return endpoint;
    },

    async remove(tx: Tx, actor: Actor, id: string): Promise<void> {
      await lock(tx, actor, id);
      await store.deleteEndpoint(tx, id);
      await note(tx, actor, { verb: 'delete', id });
    },

    /** A new secret; the former one signs beside it until the overlap ends. Of three secrets in a row the oldest stops at once. */
    async rotate(tx: Tx, actor: Actor, id: string, overlapSeconds: number): Promise<EndpointWithSecret> {
      await lock(tx, actor, id);
      const present = keyring.decrypt(secretPlace(actor.orgId, id, 'secret'), await store.getSecret(tx, id));
      const secret = makeSecret(randomBytes);
      const endpoint = await store.rotateSecret(tx, id, {
        secret: seal(actor.orgId, id, secret),
        former: keyring.encrypt(secretPlace(actor.orgId, id, 'former_secret'), present),
        overlapSeconds,
      });
      await note(tx, actor, { verb: 'rotate', id, data: { overlapSeconds } });
      return { endpoint, secret };
    },

    async listDeliveries(
      tx: Tx,
      page: {
        mode: Mode;
        endpointId: string;
        status: DeliveryStatus | undefined;
        beforeId: string | undefined;
        limit: number;
      },
    ): Promise<Delivery[]> {
      await get(tx, page.mode, page.endpointId);
      return store.listDeliveries(tx, page);
    },

    /** Sends again, under the same ids. The number of deliveries chosen. */
    async replay(tx: Tx, actor: Actor, id: string, body: ReplayWebhooksBody): Promise<number> {
      const endpoint = await lock(tx, actor, id);
      if (!endpoint.enabled) throw new GuildhallError(webhookErrors.disabled);
      const chosen = await store.replayDeliveries(tx, id, choiceOf(body), REPLAY_MAX + 1);
      if (chosen > REPLAY_MAX)
        throw new GuildhallError(webhookErrors.tooManyToReplay, { detail: `The limit is ${REPLAY_MAX}.` });
      if ('deliveryId' in body && chosen === 0) throw new GuildhallError(webhookErrors.deliveryNotFound);
      await note(tx, actor, { verb: 'replay', id, data: { deliveries: chosen } });
      return chosen;
    },
  };
}
