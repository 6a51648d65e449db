/** What runs need from below, joined in compose.ts. */
import type { Scope } from '@guildhall/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { TokenSigner } from '../../platform/crypto/index.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Durable } from '../../platform/durable/index.ts';
import type { Egress } from '../../platform/egress/index.ts';
import type { Failpoint } from '../../platform/failpoints/index.ts';
import type { FileStore } from '../../platform/files/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { RateLimiter } from '../../platform/limits/index.ts';
import type { Logger, Tracer } from '../../platform/telemetry/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Catalog } from '../catalog/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Metering } from '../metering/index.ts';
import type { Models } from '../models/index.ts';
import type { Gate } from './gate.ts';
import type { SharedStatements } from './store/shared.ts';

export interface RunSettings {
  /** Where clients reach this installation; links to artifacts begin with it. */
  readonly publicUrl: () => string;
  /** Scratch space of attempts. */
  readonly workDir: string;
  /** Multiplies concurrency limits, for load tests. */
  readonly limitsScale: number;
}

/** Told of what happened, for metrics. */
export interface RunObserver {
  started(input: { agentId: string; waitedSeconds: number }): void;
  ended(input: { agentId: string; status: string; seconds: number }): void;
}

/** What is given; the rest the module makes itself. */
export type RunsGiven = Omit<RunsDeps, 'shared'>;

export interface RunsDeps {
  readonly shared: SharedStatements;
  readonly db: Db;
  readonly durable: Durable;
  readonly bus: Bus;
  readonly ids: Ids;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly tracer: Tracer;
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly metering: Metering;
  readonly models: Pick<Models, 'gateway' | 'plannedPrices' | 'runCalls'>;
  readonly audit: Audit;
  /** What the key or the member who started a run may do now. */
  readonly rights: { has(orgId: string, actorId: string, scope: Scope): Promise<boolean> };
  readonly files: FileStore;
  readonly egress: Egress;
  readonly limiter: RateLimiter;
  readonly failpoint: Failpoint;
  readonly links: TokenSigner;
  /** Lets a few child processes work at once; each may use a core. */
  readonly sandboxGate: Gate;
  readonly observer: RunObserver;
  readonly settings: RunSettings;
}
