/** The only place where modules are built and joined, from the ground up. Read it top-down to know what there is. */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import type { AgentDefinition } from '@guildhall/agent-sdk';
import type { Foundation } from './foundation.ts';
import { createAudit } from './modules/audit/index.ts';
import { createCatalog } from './modules/catalog/index.ts';
import { createIdentity } from './modules/identity/index.ts';
import { createLedger, ledgerRoutes } from './modules/ledger/index.ts';
import { basePrice, createMetering, meteringRoutes } from './modules/metering/index.ts';
import { creditsRoute } from './modules/ops/index.ts';
import { createGate, createRuns, type Runs } from './modules/runs/index.ts';
import { createBus } from './platform/bus/index.ts';
import { createTokenSigner } from './platform/crypto/index.ts';
import { createDurable } from './platform/durable/index.ts';
import { createEgress } from './platform/egress/index.ts';
import { type Failpoint, noFailpoints } from './platform/failpoints/index.ts';
import { createFileStore } from './platform/files/index.ts';
import type { RouteDefinition } from './platform/http/index.ts';
import { createOutbox, type OutboxReader } from './platform/outbox/index.ts';
import { createMetrics } from './platform/telemetry/index.ts';

// $5: enough to try every agent some hundred times, not enough to be worth farming.
const TRIAL_CREDIT_NANOS = 5_000_000_000n;
// Far finer than any delay it is scaled to.
const RANDOM_STEPS = 2 ** 40;

export type Platform = Awaited<ReturnType<typeof compose>>;

export interface ComposeOptions {
  /** Armed by tests that kill this process at named places. */
  readonly failpoint?: Failpoint;
  readonly agents: readonly AgentDefinition[];
  /** Known only once the port is open. */
  readonly publicUrl: () => string;
}

/** Builds every module on a foundation. Starts nothing but what listens; roles decide what runs. */
export async function compose(foundation: Foundation, options: ComposeOptions) {
  const { settings, log, clock, ids, keyring, db, closing } = foundation;

  // platform
  const metrics = createMetrics();
  closing.push('metrics', () => metrics.close());
  const bus = await createBus(db, ids.make('wrk'), (error) =>
    log.warn('wake-ups for other processes were lost', { error }),
  );
  closing.push('wake-ups', () => bus.close());
  const durable = createDurable(db);
  const outbox = createOutbox(ids);
  const egress = createEgress({ allowPrivateCidrs: settings.egressAllowPrivate, clock });
  closing.push('egress', () => egress.close());
  const files = createFileStore({
    directory: path.join(settings.dataDir, 'files'),
    clock,
    ...(settings.s3Url ? { s3Url: settings.s3Url } : {}),
  });
  closing.push('files', () => files.close());

  // audit
  const audit = createAudit({ ids });

  // identity · ledger
  const ledger = createLedger({ db, ids });
  const identity = createIdentity({
    db,
    ids,
    clock,
    keyring,
    audit,
    onOrganisationCreated: async (tx, orgId, { trial }) => {
      await ledger.openAccounts(tx, { orgId });
      if (trial)
        await ledger.grant(tx, {
          transferId: `${orgId}:trial`,
          orgId,
          amountNanos: TRIAL_CREDIT_NANOS,
          reason: 'trial credit',
        });
    },
    log: { warn: (fields, message) => log.warn(message, { ...fields }) },
  });

  // catalog · metering
  const metering = createMetering({ db, clock });
  const catalog = createCatalog({
    agents: options.agents,
    prices: {
      tiers: async (agentId) => {
        const book = await db.direct((tx) => metering.priceBook(tx));
        return book.tiers.map((tier) => ({ id: tier.id, priceNanos: basePrice(book, agentId, tier.id) }));
      },
    },
  });

  // runs
  const runs: Runs = createRuns({
    db,
    durable,
    bus,
    ids,
    clock,
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
    log,
    catalog,
    ledger,
    metering,
    audit,
    outbox,
    files,
    egress,
    failpoint: options.failpoint ?? noFailpoints,
    links: createTokenSigner(keyring, 'artifact-link', clock),
    sandboxGate: createGate(settings.sandboxMax),
    observer: {
      started: ({ waitedSeconds }) => metrics.runStarted(waitedSeconds),
      ended: ({ agentId, status, seconds }) => metrics.runEnded({ agent: agentId, status }, seconds),
    },
    settings: {
      publicUrl: options.publicUrl,
      workDir: path.join(settings.dataDir, 'work'),
      limitsScale: settings.limitsScale,
    },
  });

  const routes: readonly RouteDefinition[] = [
    ...catalog.routes,
    ...runs.routes,
    ...ledgerRoutes({ ledger, audit }),
    ...meteringRoutes({ metering }),
    ...identity.routes,
    creditsRoute({ db, ids, ledger, audit }),
  ];
  const outboxReaders: readonly OutboxReader[] = [];
  return {
    outboxReaders,
    metrics,
    bus,
    durable,
    outbox,
    egress,
    files,
    audit,
    ledger,
    identity,
    metering,
    catalog,
    runs,
    routes,
  };
}
