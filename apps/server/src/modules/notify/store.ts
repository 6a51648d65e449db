/** All SQL of notify. Everywhere an endpoint is locked before its deliveries. */
import type { DeliveryStatus, DisabledReason, Mode } from '@guildhall/contract';
import { sql, type Tx } from '../../platform/db/index.ts';
import type { Erased } from '../../platform/erasure/index.ts';
import type { Verdict } from './rules.ts';
import type { ClaimedDelivery, Delivery, Endpoint } from './types.ts';

interface EndpointRow {
  readonly id: string;
  readonly org_id: string;
  readonly mode: Mode;
  readonly url: string;
  readonly description: string;
  readonly events: string[];
  readonly enabled: boolean;
  readonly disabled_reason: DisabledReason | null;
  readonly failing_since: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const endpointColumns = sql.raw(
  'id, org_id, mode, url, description, events, enabled, disabled_reason, failing_since, created_at, updated_at',
);

const toEndpoint = (row: EndpointRow): Endpoint => ({
  id: row.id,
  orgId: row.org_id,
  mode: row.mode,
  url: row.url,
  description: row.description,
  events: row.events,
  enabled: row.enabled,
  disabledReason: row.disabled_reason ?? undefined,
  failingSince: row.failing_since ?? undefined,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** The first row, where the statement always gives one. */
function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('assertion failed: the statement gave no row');
  return row;
}

/** Counts under a lock of the organisation, so that two requests at once cannot both be the last that fits. */
export async function countEndpoints(tx: Tx, orgId: string, mode: Mode): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`webhook endpoints ${orgId}`}, 3))`.execute(tx);
  const { rows } = await sql<{
    n: number;
  }>`select count(*)::int as n from notify.endpoint where mode = ${mode}`.execute(tx);
  return only(rows).n;
}

export interface NewEndpoint {
  readonly id: string;
  readonly orgId: string;
  readonly mode: Mode;
  readonly url: string;
  readonly description: string;
  readonly events: readonly string[];
  readonly secret: Buffer;
}

export async function insertEndpoint(tx: Tx, endpoint: NewEndpoint): Promise<Endpoint> {
  const { id, orgId, mode, url, description, events, secret } = endpoint;
  const { rows } = await sql<EndpointRow>`
    insert into notify.endpoint (id, org_id, mode, url, description, events, secret)
    values (${id}, ${orgId}, ${mode}, ${url}, ${description}, ${[...events]}, ${secret})
    returning ${endpointColumns}`.execute(tx);
  return toEndpoint(only(rows));
}

/** Newest first; ids grow with time. */
export async function listEndpoints(
  tx: Tx,
  page: { mode: Mode; beforeId: string | undefined; limit: number },
): Promise<Endpoint[]> {
  const beforeId = page.beforeId ?? null;
  const { rows } = await sql<EndpointRow>`
    select ${endpointColumns} from notify.endpoint
     where mode = ${page.mode} and (${beforeId}::text is null or id < ${beforeId}::text)
     order by id desc limit ${page.limit}`.execute(tx);
  return rows.map(toEndpoint);
}

export async function findEndpoint(tx: Tx, id: string, mode: Mode): Promise<Endpoint | undefined> {
  const { rows } =
    await sql<EndpointRow>`select ${endpointColumns} from notify.endpoint where id = ${id} and mode = ${mode}`.execute(
      tx,
    );
  return rows[0] && toEndpoint(rows[0]);
}

export async function lockEndpoint(tx: Tx, id: string, mode: Mode): Promise<Endpoint | undefined> {
  const { rows } =
    await sql<EndpointRow>`select ${endpointColumns} from notify.endpoint where id = ${id} and mode = ${mode} for no key update`.execute(
      tx,
    );
  return rows[0] && toEndpoint(rows[0]);
}

/** Another address or a fresh start forgets what was held against the endpoint before. */
export async function updateEndpoint(
  tx: Tx,
  endpoint: Pick<Endpoint, 'id' | 'url' | 'description' | 'events' | 'enabled'> & { readonly startsAfresh: boolean },
): Promise<Endpoint> {
  const { id, url, description, events, enabled, startsAfresh } = endpoint;
  const { rows } = await sql<EndpointRow>`
    update notify.endpoint
       set url = ${url}, description = ${description}, events = ${[...events]}, enabled = ${enabled}, updated_at = platform.now(),
           disabled_reason = case when ${enabled} then null else coalesce(disabled_reason, 'owner') end,
           failing_since = case when ${startsAfresh} then null else failing_since end,
           paused_until = case when ${startsAfresh} then null else paused_until end,
           throttled = case when ${startsAfresh} then 0 else throttled end
     where id = ${id} returning ${endpointColumns}`.execute(tx);
  return toEndpoint(only(rows));
}

export async function failPending(tx: Tx, endpointId: string): Promise<void> {
  await sql`select notify.fail_pending(${endpointId})`.execute(tx);
}

/** With its deliveries. */
export async function deleteEndpoint(tx: Tx, id: string): Promise<void> {
  await sql`delete from notify.endpoint where id = ${id}`.execute(tx);
}

interface SecretRow {
  readonly secret: Buffer;
}

export async function getSecret(tx: Tx, id: string): Promise<Buffer> {
  const { rows } = await sql<SecretRow>`select secret from notify.endpoint where id = ${id}`.execute(tx);
  return only(rows).secret;
}

/** `former` is the present secret, sealed for its new place. */
export async function rotateSecret(
  tx: Tx,
  id: string,
  secrets: { readonly secret: Buffer; readonly former: Buffer; readonly overlapSeconds: number },
): Promise<Endpoint> {
  const { rows } = await sql<EndpointRow>`
    update notify.endpoint
       set secret = ${secrets.secret}, former_secret = ${secrets.former}, updated_at = platform.now(),
           former_until = platform.now() + make_interval(secs => ${secrets.overlapSeconds})
     where id = ${id} returning ${endpointColumns}`.execute(tx);
  return toEndpoint(only(rows));
}

export async function listSubscriptions(tx: Tx): Promise<readonly Pick<Endpoint, 'id' | 'mode' | 'events'>[]> {
  const { rows } = await sql<{
    id: string;
    mode: Mode;
    events: string[];
  }>`select id, mode, events from notify.endpoint`.execute(tx);
  return rows;
}

export interface NewEvent {
  readonly id: string;
  readonly orgId: string;
  readonly type: string;
  readonly body: string;
  readonly deliveries: readonly { readonly id: string; readonly endpointId: string }[];
}

/** Idempotent by event and endpoint. For an endpoint that is off the delivery is written down as failed, so that a replay can bring it. */
export async function insertEvent(tx: Tx, event: NewEvent): Promise<void> {
  await sql`
    insert into notify.event (id, org_id, type, body) values (${event.id}, ${event.orgId}, ${event.type}, ${event.body})
    on conflict (id) do nothing`.execute(tx);
  await sql`
    insert into notify.delivery (id, org_id, endpoint_id, event_id, event_type, status, next_attempt_at, error)
    select n.id, ${event.orgId}, e.id, ${event.id}, ${event.type}, case when e.enabled then 'pending' else 'failed' end,
           case when e.enabled then platform.now() end, case when not e.enabled then 'endpoint-disabled' end
      from unnest(${event.deliveries.map((delivery) => delivery.id)}::text[],
                  ${event.deliveries.map((delivery) => delivery.endpointId)}::text[]) as n (id, endpoint_id)
      join notify.endpoint e on e.id = n.endpoint_id
    on conflict (endpoint_id, event_id) do nothing`.execute(tx);
}

interface DeliveryRow {
  readonly id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly response_status: number | null;
  readonly error: string | null;
  readonly created_at: Date;
  readonly last_attempt_at: Date | null;
  readonly next_attempt_at: Date | null;
  readonly delivered_at: Date | null;
}

const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  eventId: row.event_id,
  eventType: row.event_type,
  status: row.status,
  attempts: row.attempts,
  responseStatus: row.response_status ?? undefined,
  error: row.error ?? undefined,
  createdAt: row.created_at,
  lastAttemptAt: row.last_attempt_at ?? undefined,
  nextAttemptAt: row.next_attempt_at ?? undefined,
  deliveredAt: row.delivered_at ?? undefined,
});

export interface DeliveryPage {
  readonly endpointId: string;
  readonly status: DeliveryStatus | undefined;
  readonly beforeId: string | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function listDeliveries(tx: Tx, page: DeliveryPage): Promise<Delivery[]> {
  const [status, beforeId] = [page.status ?? null, page.beforeId ?? null];
  const { rows } = await sql<DeliveryRow>`
    select id, event_id, event_type, status, attempts, response_status, error, created_at, last_attempt_at, next_attempt_at, delivered_at
      from notify.delivery
     where endpoint_id = ${page.endpointId} and (${status}::text is null or status = ${status}::text)
       and (${beforeId}::text is null or id < ${beforeId}::text)
     order by id desc limit ${page.limit}`.execute(tx);
  return rows.map(toDelivery);
}

export interface Choice {
  readonly deliveryId?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly failed?: true;
}

/** Makes the chosen deliveries due now with a whole schedule before them; one that is just being sent is left alone. The number chosen. */
export async function replayDeliveries(tx: Tx, endpointId: string, choice: Choice, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    with chosen as (
      select id, leased_until from notify.delivery
       where endpoint_id = ${endpointId}
         and (${choice.deliveryId ?? null}::text is null or id = ${choice.deliveryId ?? null}::text)
         and (${choice.from ?? null}::timestamptz is null or created_at >= ${choice.from ?? null}::timestamptz)
         and (${choice.to ?? null}::timestamptz is null or created_at < ${choice.to ?? null}::timestamptz)
         and (not ${choice.failed ?? false}::boolean or status = 'failed')
       order by id limit ${limit} for update
    ), renewed as (
      update notify.delivery d
         set status = 'pending', step = 0, next_attempt_at = platform.now(), delivered_at = null, error = null
        from chosen c where d.id = c.id and (c.leased_until is null or c.leased_until <= platform.now())
    )
    select count(*)::int as n from chosen`.execute(tx);
  return only(rows).n;
}

interface ClaimRow {
  readonly id: string;
  readonly org_id: string;
  readonly endpoint_id: string;
  readonly fence: bigint;
  readonly step: number;
  readonly event_id: string;
  readonly body: string;
  readonly url: string;
  readonly secret: Buffer;
  readonly former_secret: Buffer | null;
  readonly failing: boolean;
  readonly throttled: number;
}

export interface ClaimInput {
  readonly slots: number;
  readonly failingSlots: number;
  readonly leaseMs: number;
  readonly afterEndpointId: string;
}

const milliseconds = (value: number | undefined): string | null =>
  value === undefined ? null : `${value} milliseconds`;

/** System role. */
export async function claimDeliveries(tx: Tx, input: ClaimInput): Promise<ClaimedDelivery[]> {
  const { rows } = await sql<ClaimRow>`
    select * from notify.claim(${input.slots}::int, ${input.failingSlots}::int, ${milliseconds(input.leaseMs)}::interval,
                               ${input.afterEndpointId})`.execute(tx);
  return rows.map((row) => ({
    id: row.id,
    orgId: row.org_id,
    endpointId: row.endpoint_id,
    fence: row.fence,
    step: row.step,
    eventId: row.event_id,
    body: row.body,
    url: row.url,
    secret: row.secret,
    formerSecret: row.former_secret ?? undefined,
    isFailing: row.failing,
    throttled: row.throttled,
  }));
}

/** `stale` when the delivery was taken over, replayed or removed meanwhile; otherwise why its endpoint was disabled by this, if it was. */
export async function recordAttempt(
  tx: Tx,
  claimed: Pick<ClaimedDelivery, 'id' | 'fence'>,
  verdict: Verdict,
  failingMaxMs: number,
): Promise<'stale' | 'gone' | 'failing' | undefined> {
  const { rows } = await sql<{ disabled: 'gone' | 'failing' | null }>`
    select disabled from notify.record_attempt(${claimed.id}, ${claimed.fence.toString()}::bigint,
      ${verdict.outcome === 'delivered'}, ${verdict.outcome === 'gone'}, ${verdict.throttles},
      ${verdict.responseStatus ?? null}::int, ${verdict.error ?? null}::text, ${milliseconds(verdict.retryMs)}::interval,
      ${milliseconds(verdict.pauseMs)}::interval, ${milliseconds(failingMaxMs)}::interval)`.execute(tx);
  const [row] = rows;
  return row ? (row.disabled ?? undefined) : 'stale';
}

/** System role. */
export async function giveBack(tx: Tx, claimed: Pick<ClaimedDelivery, 'id' | 'fence'>): Promise<void> {
  await sql`select notify.give_back(${claimed.id}, ${claimed.fence.toString()}::bigint)`.execute(tx);
}

/** System role. */
export async function pruneEvents(tx: Tx, keep: string, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`select notify.prune(${keep}::interval, ${limit}::int) as n`.execute(tx);
  return only(rows).n;
}

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select notify.erase(${orgId}, ${limit}::int) as more`;
