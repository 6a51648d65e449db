/**
 * Transactions. `tenant` sets the organisation for one transaction, so row-level security lets only its rows through;
 * `system` runs as the role that may call named functions and nothing else.
 */
import type { Kysely } from 'kysely';
import pg from 'pg';
import { builderOn } from './dialect.ts';

/** An open transaction (or, from `direct`, a single statement). Pass it down; never keep it. */
export type Tx = Kysely<never>;

export interface Db {
  /** One transaction that sees the rows of `orgId` alone. Rolled back when `work` throws. No network call inside. */
  tenant<T>(orgId: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One transaction without a tenant: tables without `org_id` only. */
  open<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One statement as the application role, in its own transaction: for SQL functions that set the tenant themselves. */
  direct<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One statement as the system role, which may only execute the functions granted to it. */
  system<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** A connection of its own that hears NOTIFY on `channels`; reconnects by itself, `onGap` tells of possible misses. */
  listen(
    channels: readonly string[],
    onMessage: (channel: string, payload: string) => void,
    onGap: () => void,
  ): Promise<() => Promise<void>>;
  /** Connections checked out and waiting, for metrics. */
  stats(): { active: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export interface DbOptions {
  /** Connection string of the application role. */
  readonly appUrl: string;
  /** Connection string of the system role. */
  readonly systemUrl: string;
  readonly appPoolMax: number;
  readonly systemPoolMax: number;
  readonly applicationName: string;
  /** Asked when the server refuses the password of a connection string: gives the one that is right now, if there is one. */
  readonly renewUrl?: (refused: string) => Promise<string | undefined>;
  /** Told of errors on idle connections, which the pool replaces by itself. */
  readonly onIdleError: (error: Error) => void;
}

// bigint columns are money and counters: they must never become floats.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, (text: string) => BigInt(text));

// Longer than any statement of ours; a lost server shows as an error, not as a hang.
const STATEMENT_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
// A fresh connection has to plan every statement anew (about 100 ms of processor time), so idle ones are kept for a while.
const IDLE_TIMEOUT_MS = 300_000;
// More changes of a password than this while one connection is opened are nobody's wish.
const PASSWORDS_TRIED_MAX = 4;
const RELISTEN_DELAY_MS = 250;

function createPool(url: string, max: number, options: DbOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    types,
    application_name: options.applicationName,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
  });
  pool.on('error', options.onIdleError);
  // A server that dies while it lets a connection in may say so before the caller of `connect` could listen. Without a listener that
  // report would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => {});
  });
  return pool;
}

/** A pool, and what it does when the password of its role was changed meanwhile. */
interface Source {
  readonly pool: pg.Pool;
  connect(): Promise<pg.PoolClient>;
}

function createSource(url: string, max: number, options: DbOptions): Source {
  const pool = createPool(url, max, options);
  const { renewUrl } = options;
  return {
    pool,
    async connect() {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await pool.connect();
        } catch (error) {
          if (!renewUrl || !isWrongPassword(error) || attempt === PASSWORDS_TRIED_MAX) throw error;
          const renewed = await renewUrl(pool.options.connectionString ?? url);
          if (renewed === undefined) throw error;
          // Read by the pool whenever it opens a connection.
          pool.options.connectionString = renewed;
        }
      }
    },
  };
}

/** Runs `work` on a client; a client whose connection failed is thrown away instead of being handed to the next caller. */
async function withClient<T>(pool: Source, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    return await work(client);
  } catch (error) {
    if (isConnectionError(error)) broken = error;
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

async function inTransaction<T>(pool: Source, orgId: string | undefined, work: (tx: Tx) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    // One round trip for both. The id is quoted, because statements sent together take no parameters.
    const enter =
      orgId === undefined ? '' : `; select set_config('guildhall.org_id', ${pg.escapeLiteral(orgId)}, true)`;
    await client.query(`begin${enter}`);
    try {
      const result = await work(builderOn(client));
      const ended = await client.query('commit');
      // After a failed statement whose error `work` swallowed, the server answers "commit" by rolling back, without an error.
      if (ended.command !== 'COMMIT')
        throw new Error('nothing was committed: a statement failed and its error was swallowed');
      return result;
    } catch (error) {
      if (!isConnectionError(error)) await client.query('rollback');
      throw error;
    }
  });
}

async function keepListening(
  { appUrl, applicationName, renewUrl }: DbOptions,
  channels: readonly string[],
  onMessage: (channel: string, payload: string) => void,
  onGap: () => void,
): Promise<() => Promise<void>> {
  let url = appUrl;
  let closed = false;
  let current: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: applicationName,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    current = client;
    client.on('notification', (message) => onMessage(message.channel, message.payload ?? ''));
    client.on('error', () => {});
    client.on('end', () => {
      if (!closed) timer = setTimeout(retry, RELISTEN_DELAY_MS);
    });
    await client.connect();
    for (const channel of channels) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    onGap();
  };
  // A failed attempt ends its client, whose 'end' event arms the next one.
  const retry = (): void => {
    connect().catch(async (error: unknown) => {
      if (isWrongPassword(error)) url = (await renewUrl?.(url).catch(() => undefined)) ?? url;
      await current?.end().catch(() => {});
    });
  };
  try {
    await connect();
  } catch (error) {
    closed = true;
    throw error;
  }
  return async () => {
    closed = true;
    clearTimeout(timer);
    await current?.end();
  };
}

export function createDb(options: DbOptions): Db {
  const app = createSource(options.appUrl, options.appPoolMax, options);
  const system = createSource(options.systemUrl, options.systemPoolMax, options);
  return {
    tenant: (orgId, work) => inTransaction(app, orgId, work),
    open: (work) => inTransaction(app, undefined, work),
    direct: (work) => withClient(app, (client) => work(builderOn(client))),
    system: (work) => withClient(system, (client) => work(builderOn(client))),
    listen: (channels, onMessage, onGap) => keepListening(options, channels, onMessage, onGap),
    stats: () => ({
      active: app.pool.totalCount - app.pool.idleCount + system.pool.totalCount - system.pool.idleCount,
      idle: app.pool.idleCount + system.pool.idleCount,
      waiting: app.pool.waitingCount + system.pool.waitingCount,
    }),
    close: async () => {
      await Promise.all([app.pool.end(), system.pool.end()]);
    },
  };
}

const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** The server does not take the password of a connection. */
export const isWrongPassword = (error: unknown): boolean => codeOf(error) === '28P01';

/** The unique constraint of this name (any, when left out) refused a row. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (codeOf(error) !== '23505') return false;
  return constraint === undefined || (error as { constraint?: string }).constraint === constraint;
}

// 53300: no connection left; 25P03: ours was closed for idling in a transaction; EAGAIN: the socket's queue is full.
const CONNECTION_CODES = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EAGAIN EAI_AGAIN EHOSTUNREACH 57P01 57P02 57P03 08006 08003 08001 53300 25P03'.split(
    ' ',
  ),
);
const CONNECTION_TEXTS = [
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
];

/** The connection is gone or never came about; whether the last statement took effect is unknown. */
export function isConnectionError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  // A socket that is not there; a file that is not there has the same code and is somebody else's trouble.
  if (code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect';
  // pg gives these two failures no code of their own, only a text.
  return (
    (code !== undefined && CONNECTION_CODES.has(code)) || CONNECTION_TEXTS.some((text) => error.message.includes(text))
  );
}

/** Repeating the whole transaction may succeed: deadlock, serialization failure, or a lost connection. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  return code === '40P01' || code === '40001' || isConnectionError(error);
}
