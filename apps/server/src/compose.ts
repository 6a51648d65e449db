/** The only place where modules are built and joined, from the ground up. Read it top-down to know what there is. */
import { randomBytes, randomInt } from 'node:crypto';
import path from 'node:path';
import type { AgentDefinition } from '@guildhall/agent-sdk';
import type { Foundation } from './foundation.ts';
import { openInventory } from './inventory.ts';
import { createAudit } from './modules/audit/index.ts';
import { createCatalog } from './modules/catalog/index.ts';
import { createIdentity } from './modules/identity/index.ts';
import { createLedger, ledgerRoutes } from './modules/ledger/index.ts';
import { basePrice, createMetering, meteringRoutes, modelPriceRoutes } from './modules/metering/index.ts';
import { createModels, isOperatorChannel, type Models } from './modules/models/index.ts';
import { createAlertMailReader, createNotify, type Notify } from './modules/notify/index.ts';
import { createEgressHosts, createOpsErase, creditsRoute, egressHostRoutes } from './modules/ops/index.ts';
import { announceContent, createGate, createRuns, type Runs } from './modules/runs/index.ts';
import { createBus } from './platform/bus/index.ts';
import { createTokenSigner, followMasterKey } from './platform/crypto/index.ts';
import { createDurable } from './platform/durable/index.ts';
import { resolveTxt } from './platform/egress/index.ts';
import { createPlatformErase, type Erase } from './platform/erasure/index.ts';
import { type Failpoint, noFailpoints } from './platform/failpoints/index.ts';
import { createFileStore } from './platform/files/index.ts';
import type { RouteDefinition } from './platform/http/index.ts';
import {
  createPostgresRateStore,
  createRateLimiter,
  createRedisRateStore,
  type RateStore,
} from './platform/limits/index.ts';
import { createMail, createMailQueue } from './platform/mail/index.ts';
import { createOutbox, type OutboxReader } from './platform/outbox/index.ts';
import { createPlaces } from './platform/places/index.ts';
import { createMetrics } from './platform/telemetry/index.ts';
import { openTelemetry, type Watched } from './telemetry.ts';

// $5: enough to try every agent some hundred times, not enough to be worth farming.
const TRIAL_CREDIT_NANOS = 5_000_000_000n;
// Far finer than any delay it is scaled to.
const RANDOM_STEPS = 2 ** 40;

export type Platform = Awaited<ReturnType<typeof compose>>;

export interface ComposeOptions {
  /** Armed by tests that kill this process at named places. */
  readonly failpoint?: Failpoint;
  readonly agents: readonly AgentDefinition[];
  /** The name servers of a test; those of the system, when left out. */
  readonly resolveTxt?: (name: string) => Promise<readonly string[]>;
  /** Known only once the port is open. */
  readonly publicUrl: () => string;
}

/** The first calls need not count alone: a Redis that is there is connected by then. One that is away keeps nobody from starting. */
async function openRates({ settings, log, db, closing }: Foundation): Promise<RateStore> {
  if (settings.redisUrl === undefined) return createPostgresRateStore(db);
  const store = await createRedisRateStore(settings.redisUrl);
  closing.push('shared rates', () => store.close());
  await store.ping().catch((error: unknown) => log.warn('the server of REDIS_URL does not answer', { error }));
  return store;
}

/** What knows no business word. */
async function openPlatform(foundation: Foundation, watched: Watched) {
  const { settings, log, clock, ids, keyring, db, closing } = foundation;
  const metrics = createMetrics();
  closing.push('metrics', () => metrics.close());
  const bus = await createBus(db, ids.make('wrk'), (error) =>
    log.warn('wake-ups for other processes were lost', { error }),
  );
  closing.push('wake-ups', () => bus.close());
  const onUnknown = (error?: unknown): void =>
    log.error('the master key has changed, and the new one is not known here: restart this process with it', { error });
  closing.push('master key', followMasterKey({ db, bus, keyring, onUnknown }));
  const rates = await openRates(foundation);
  const limiter = createRateLimiter({
    store: rates,
    clock,
    hash: (text) => keyring.mac('rate-limits', text),
    scale: settings.limitsScale,
    onSharedChange: (isShared, error) => {
      if (isShared) log.info('rate limits are shared again');
      else log.error('rate limits are counted by each process alone', { error });
    },
  });
  const files = createFileStore({
    directory: path.join(settings.dataDir, 'files'),
    clock,
    announce: (orgId, sha256) => announceContent(db, orgId, sha256),
    ...(settings.s3Url ? { s3Url: settings.s3Url } : {}),
  });
  closing.push('files', () => files.close());
  const directory = path.join(settings.dataDir, 'mailbox');
  const mail = await createMail({ smtpUrl: settings.smtpUrl, from: settings.mailFrom, directory, clock });
  closing.push('mail', () => mail.close());
  const mailQueue = createMailQueue({ keyring });
  const places = createPlaces({ file: settings.countryDatabase, log });
  const [durable, outbox] = [createDurable(db), createOutbox(ids)];
  return { ...watched, metrics, bus, durable, outbox, rates, limiter, files, mail, mailQueue, places };
}

type OpenPlatform = Awaited<ReturnType<typeof openPlatform>>;

/** Everything below runs, from the ground up: audit; identity and ledger; catalog and metering. */
function joinBase(
  foundation: Foundation,
  { mailQueue, egress, places }: Pick<OpenPlatform, 'mailQueue' | 'egress' | 'places'>,
  { agents, publicUrl, ...options }: Pick<ComposeOptions, 'agents' | 'publicUrl' | 'resolveTxt'>,
) {
  const { log, clock, ids, keyring, db, settings } = foundation;
  const audit = createAudit({ ids });

  const ledger = createLedger({ db, ids });
  const identity = createIdentity({
    db,
    ids,
    clock,
    keyring,
    audit,
    random: randomBytes,
    mailQueue,
    signUp: settings.signUp,
    publicUrl,
    operatorEmail: settings.operatorEmail,
    leakScannerKeys: settings.leakScannerKeys,
    countryOf: places.placeOf,
    outside: {
      egress,
      resolveTxt: options.resolveTxt ?? resolveTxt,
      signIn: settings.signIn,
      isInsecureAllowed: !settings.isProduction,
    },
    onOrganisationCreated: async (tx, orgId, { trial }) => {
      await ledger.openAccounts(tx, { orgId });
      const credit = { transferId: `${orgId}:trial`, orgId, amountNanos: TRIAL_CREDIT_NANOS, reason: 'trial credit' };
      if (trial) await ledger.grant(tx, credit);
    },
    onKeyRotated: (tx, rotation) => ledger.followKey(tx, rotation),
    log: { warn: (fields, message) => log.warn(message, { ...fields }) },
  });

  const metering = createMetering({ db, clock });
  const catalog = createCatalog({
    agents,
    prices: {
      tiers: async (agentId) => {
        const book = await metering.priceBook();
        return book.tiers.map((tier) => ({ id: tier.id, priceNanos: basePrice(book, agentId, tier.id) }));
      },
    },
  });
  return { audit, ledger, identity, metering, catalog };
}

type Base = ReturnType<typeof joinBase>;

function joinNotify(foundation: Foundation, platform: OpenPlatform, { audit }: Base): Notify {
  return createNotify({
    ...foundation,
    ...platform,
    audit,
    randomBytes,
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
    attempted: (outcome) => platform.metrics.webhookDelivery(outcome),
  });
}

function joinModels(
  foundation: Foundation,
  platform: OpenPlatform,
  base: Base,
  { failpoint }: Pick<ComposeOptions, 'failpoint'>,
): Models {
  const models = createModels({
    ...foundation,
    ...platform,
    ...base,
    environmentProviders: foundation.settings.providers,
    limitsScale: foundation.settings.limitsScale,
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
    observer: { ended: (call) => platform.metrics.modelCall(call) },
    failpoint,
  });
  // Those of the operator: keys of organisations are many and come and go.
  platform.metrics.modelCircuits(() => models.health().filter(({ channelId }) => isOperatorChannel(channelId)));
  return models;
}

function joinRuns(
  foundation: Foundation,
  platform: OpenPlatform,
  base: Base & { readonly models: Models },
  options: ComposeOptions,
): Runs {
  const { settings, log, clock, ids, keyring, db } = foundation;
  const { metrics } = platform;
  return createRuns({
    ...platform,
    ...base,
    rights: base.identity.rights,
    db,
    ids,
    clock,
    log,
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
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
}

/** Builds every module on a foundation. Starts nothing but what listens; roles decide what runs. */
export async function compose(laid: Foundation, options: ComposeOptions) {
  const egressHosts = createEgressHosts(laid);
  const watched = await openTelemetry(laid, { hostsFor: egressHosts.of });
  const foundation = { ...laid, log: watched.log };
  const { ids, settings } = foundation;
  const platform = await openPlatform(foundation, watched);
  const base = joinBase(foundation, platform, options);
  const { audit, ledger, identity, metering, catalog } = base;
  const inventory = openInventory(foundation, () => identity.tokens.newestKeyId());
  const models = joinModels(foundation, platform, base, options);
  const runs = joinRuns(foundation, platform, { ...base, models }, options);
  const notify = joinNotify(foundation, platform, base);
  const alertMail = createAlertMailReader({
    queue: platform.mailQueue,
    operator: settings.operatorEmail,
    contacts: identity.contactsOf,
    publicUrl: options.publicUrl,
  });
  const outboxReaders: readonly OutboxReader[] = [notify.reader, alertMail];
  const routes: readonly RouteDefinition[] = [
    ...catalog.routes,
    ...runs.routes,
    ...models.routes,
    ...ledgerRoutes({ ledger, audit }),
    ...meteringRoutes({ metering }),
    ...modelPriceRoutes({ metering, audit }),
    ...identity.routes,
    ...audit.routes,
    ...notify.routes,
    creditsRoute({ ids, ledger, audit }),
    ...egressHostRoutes({ hosts: egressHosts, audit }),
  ];
  const { db } = foundation;
  // From above downwards: what refers to something goes before it. Identity, whose rows all others belong to, is last by itself.
  const erasures: readonly Erase[] = [
    runs.erase,
    models.erase,
    audit.erase(db),
    createPlatformErase(db),
    notify.erase,
    ledger.erase,
    createOpsErase(db),
  ];
  return { ...platform, ...base, inventory, models, notify, runs, outboxReaders, erasures, routes };
}
