/** The nouns of webhooks out. */
import type { DeliveryStatus, DisabledReason, Mode } from '@guildhall/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Keyring } from '../../platform/crypto/index.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Egress } from '../../platform/egress/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { Outbox } from '../../platform/outbox/index.ts';
import type { Logger } from '../../platform/telemetry/index.ts';
import type { Audit } from '../audit/index.ts';

/** A receiver that an organisation named. */
export interface Endpoint {
  readonly id: string;
  readonly orgId: string;
  /** Of the key that made it; it hears of events of this mode alone. */
  readonly mode: Mode;
  readonly url: string;
  readonly description: string;
  readonly events: readonly string[];
  readonly enabled: boolean;
  readonly disabledReason: DisabledReason | undefined;
  readonly failingSince: Date | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/**
 * One event for one endpoint. `pending`: entered by an event or a replay, left by the answer to an attempt or when the endpoint is
 * disabled. `delivered`: answered 2xx. `failed`: no attempt is left, or the endpoint is disabled. A replay makes any of them pending again.
 */
export interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly responseStatus: number | undefined;
  readonly error: string | undefined;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | undefined;
  readonly nextAttemptAt: Date | undefined;
  readonly deliveredAt: Date | undefined;
}

/** A delivery that this process holds the lease of. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly orgId: string;
  readonly endpointId: string;
  readonly fence: bigint;
  /** Attempts already made in the present schedule. */
  readonly step: number;
  readonly eventId: string;
  readonly body: string;
  readonly url: string;
  readonly secret: Buffer;
  readonly formerSecret: Buffer | undefined;
  readonly isFailing: boolean;
  /** Throttling answers of the endpoint in a row. */
  readonly throttled: number;
}

/** Who changes an endpoint. One of another mode is missing for it. */
export interface Actor {
  readonly orgId: string;
  readonly mode: Mode;
  readonly keyId: string;
  readonly personId?: string | undefined;
  readonly requestId: string;
  /** Only who may read the audit trail may have it sent somewhere. */
  readonly mayReadAudit?: boolean;
}

export type AttemptOutcome = 'delivered' | 'retried' | 'exhausted' | 'gone';

export interface NotifyDeps {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly audit: Audit;
  readonly egress: Egress;
  readonly bus: Bus;
  readonly outbox: Outbox;
  readonly log: Logger;
  /** Cryptographically random bytes, for secrets. */
  readonly randomBytes: (size: number) => Buffer;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Told of each attempt, for metrics. */
  readonly attempted: (outcome: AttemptOutcome) => void;
}
