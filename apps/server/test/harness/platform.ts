/** The whole platform on a database of its own, inside the test's process: real HTTP, real worker, agents of the test. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { SCOPES } from '@guildhall/contract';
import { ClosingStack } from '../../src/closing.ts';
import { loadSettings } from '../../src/config/index.ts';
import type { Foundation } from '../../src/foundation.ts';
import { systemClock } from '../../src/platform/clock/index.ts';
import { createKeyring, type Keyring } from '../../src/platform/crypto/index.ts';
import { createDb, type Db } from '../../src/platform/db/index.ts';
import type { Failpoint } from '../../src/platform/failpoints/index.ts';
import { createIds } from '../../src/platform/ids/index.ts';
import { type Logger, silentLogger } from '../../src/platform/telemetry/index.ts';
import { type Role, type Server, serveOn } from '../../src/serve.ts';
import { type TestDatabase, testDatabase } from './database.ts';

export interface Reply<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface TestPlatform {
  readonly server: Server;
  readonly db: Db;
  /** TXT records by name: what the name servers of this platform answer. */
  readonly records: Map<string, string>;
  readonly database: TestDatabase;
  readonly url: string;
  readonly orgId: string;
  readonly key: string;
  /** A request with the first organisation's key (or `key`); bodies and answers are JSON. */
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    more?: { key?: string; headers?: Record<string, string> },
  ): Promise<Reply<T>>;
  /** A further organisation with a live key of all scopes. */
  organisation(name: string, credit?: bigint): Promise<{ orgId: string; key: string }>;
  /** Another worker or API on the same database, with its own connections. */
  another(role: Role, failpoint?: Failpoint): Promise<Server>;
  close(): Promise<void>;
}

export interface TestPlatformOptions {
  readonly agents: readonly AgentDefinition[];
  readonly role?: Role;
  readonly environment?: Readonly<Record<string, string>>;
  readonly failpoint?: Failpoint;
  /** Makes the keyring of each process; one of its own for all of them, when left out. */
  readonly keyring?: (ground: { readonly ownerUrl: string; readonly dataDir: string }) => Promise<Keyring>;
  /** Hears what the platform logs; nobody, when left out. */
  readonly log?: Logger;
}

// Any agent fits into the list the platform takes; its types matter inside it alone.
export const asAgents = (...agents: readonly unknown[]): readonly AgentDefinition[] =>
  agents as readonly AgentDefinition[];

/** Starts it all; `close` ends it and removes what it made. */
export async function testPlatform(options: TestPlatformOptions): Promise<TestPlatform> {
  const database = await testDatabase();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'guildhall-test-'));
  const settings = loadSettings({
    GUILDHALL_DATA_DIR: dataDir,
    PORT: '0',
    LIMITS_SCALE: '1000',
    ...options.environment,
  });
  const shared = createKeyring({ masterKey: randomBytes(32) });
  const makeKeyring = options.keyring ?? (async () => shared);
  const log = options.log ?? silentLogger;
  const records = new Map<string, string>();
  const serveRole = async (role: Role, failpoint: Failpoint | undefined): Promise<Server> => {
    const keyring = await makeKeyring({ ownerUrl: database.ownerUrl, dataDir });
    const closing = new ClosingStack((name, error) => {
      throw new Error(`${name} did not close cleanly`, { cause: error });
    });
    const db = createDb({
      appUrl: database.appUrl,
      systemUrl: database.systemUrl,
      appPoolMax: 10,
      systemPoolMax: 3,
      applicationName: `test ${role}`,
      onIdleError: () => {},
    });
    closing.push('database', () => db.close());
    const foundation: Foundation = {
      settings,
      log,
      clock: systemClock,
      ids: createIds(systemClock),
      keyring,
      db,
      ownerUrl: database.ownerUrl,
      closing,
    };
    return serveOn(foundation, {
      role,
      settings,
      log,
      agents: options.agents,
      ...(failpoint ? { failpoint } : {}),
      resolveTxt: async (name) => [records.get(name) ?? ''],
    });
  };
  const server = await serveRole(options.role ?? 'start', options.failpoint);
  const others: Server[] = [];
  const { identity, ledger } = server.platform;
  const organisation = async (name: string, credit = 5_000_000_000n) => {
    const made = await identity.createOrganisation({ name, actor: { type: 'system', id: 'test' }, scopes: SCOPES });
    const orgId = made.organisation.id;
    if (credit > 0n)
      await server.foundation.db.tenant(orgId, (tx) =>
        ledger.grant(tx, { transferId: `${orgId}:test`, orgId, amountNanos: credit, reason: 'test' }),
      );
    return { orgId, key: made.secret };
  };
  const first = await organisation('Test');
  const url = server.url ?? '';
  return {
    server,
    db: server.foundation.db,
    records,
    database,
    url,
    ...first,
    call: async (method, target, body, more = {}) => {
      const response = await fetch(`${url}${target}`, {
        method,
        headers: {
          authorization: `Bearer ${more.key ?? first.key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more.headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: (text === '' ? undefined : JSON.parse(text)) as never,
      };
    },
    organisation,
    another: async (role, failpoint) => {
      const other = await serveRole(role, failpoint);
      others.push(other);
      return other;
    },
    close: async () => {
      for (const other of others) await other.stop();
      await server.stop();
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
