/** What the tests of channels share: a provider that behaves as told, and processes on one database. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { testDatabase } from '../../../../test/harness/database.ts';
import { loadSettings } from '../../../config/index.ts';
import { createBus } from '../../../platform/bus/index.ts';
import { systemClock } from '../../../platform/clock/index.ts';
import { createKeyring } from '../../../platform/crypto/index.ts';
import { createEgress } from '../../../platform/egress/index.ts';
import { createIds } from '../../../platform/ids/index.ts';
import { silentLogger } from '../../../platform/telemetry/index.ts';
import { createAudit } from '../../audit/index.ts';
import { createChannels } from './index.ts';
import { createProviderService } from './service.ts';

export const ORG = 'org_a';
export const ACTOR = { type: 'key', orgId: ORG, keyId: 'key_1', requestId: 'req_1' } as const;

interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A provider on loopback that knows one key. */
export async function provider(key: string) {
  const asked: Asked[] = [];
  const made = {
    url: '',
    asked,
    models: ['gpt-a', 'gpt-b'],
    /** Set to answer in another way. */
    answer: undefined as ((response: ServerResponse, path: string) => void) | undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push({ path, headers: request.headers });
    if (made.answer) return made.answer(response, path);
    const shown = request.headers['x-api-key'] ?? request.headers.authorization?.replace('Bearer ', '');
    response.setHeader('content-type', 'application/json');
    if (shown !== key) return response.writeHead(401).end(JSON.stringify({ error: { message: `bad key ${shown}` } }));
    response.end(JSON.stringify({ object: 'list', data: made.models.map((id) => ({ id, object: 'model' })) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return made;
}

export type Ground = Awaited<ReturnType<typeof ground>>;

/** One database, and as many processes on it as are asked for. Loopback may be called unless said otherwise. */
export async function ground(environment: Record<string, string> = {}) {
  const database = await testDatabase();
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const keyring = createKeyring({ masterKey: randomBytes(32) });
  const clock = systemClock;
  const ids = createIds(clock);
  const egress = createEgress({ allowPrivateCidrs: ['127.0.0.1/32'], clock });
  const closers: (() => Promise<void>)[] = [() => egress.close()];
  let queries = 0;
  const db = {
    ...database.db,
    open: ((work) => {
      queries += 1;
      return database.db.open(work);
    }) as typeof database.db.open,
    tenant: ((orgId, work) => {
      queries += 1;
      return database.db.tenant(orgId, work);
    }) as typeof database.db.tenant,
  };
  const { providers } = loadSettings({ OLLAMA_URL: 'http://127.0.0.1:9', ...environment });
  const deps = {
    db,
    ids,
    clock,
    keyring,
    audit: createAudit({ ids }),
    egress,
    log: silentLogger,
    environmentProviders: providers,
    health: () => [],
  };
  const process = async (own: Partial<Parameters<typeof createChannels>[0]> = {}) => {
    const bus = await createBus(database.db, ids.make('wrk'), () => {});
    const channels = createChannels({ ...deps, bus, ...own });
    const stop = channels.start();
    closers.push(stop, () => bus.close());
    return channels;
  };
  return {
    database,
    db,
    keyring,
    deps,
    service: createProviderService(deps),
    process,
    /** Transactions so far. */
    queries: () => queries,
    asOwner: async (text: string, values: readonly unknown[] = []) => (await owner.query(text, [...values])).rows,
    close: async () => {
      for (const close of closers) await close();
      await owner.end();
      await database.close();
    },
  };
}

/** Asks until it holds; the test's own limit ends it. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
