/**
 * A new master key for everything that is sealed, while everything goes on. First the root moves, which makes the new key the one that
 * seals; then every registered column is swept in batches. An envelope says itself which key it lies under, so there is nothing to
 * remember: a sweep that was killed is simply begun again.
 */
import type { Bus } from '../bus/index.ts';
import { type Db, sql } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { cryptoErrors } from './errors.ts';
import type { Keyring } from './keyring.ts';

const ROOT_TABLE = 'platform.root_key';
// A batch is one short statement of some 20 ms: requests that want one of its rows wait no longer.
const BATCH_ROWS = 500;
// Values written under the former key while a pass was under way are found by the next one; more passes than these mean a process that
// goes on writing under it.
const PASSES_MAX = 20;
const LOOK_EVERY_MS = 30_000;

export interface SealedColumn {
  readonly table: string;
  readonly column: string;
}

/** How many envelopes lie under one master key. */
export interface KeyUse {
  readonly keyId: string;
  readonly envelopes: bigint;
}

export interface RotationProgress {
  readonly column: SealedColumn;
  /** Envelopes moved so far, in all columns. */
  readonly moved: number;
}

interface StaleRow {
  readonly id: string;
  readonly org_id: string;
  readonly sealed: Buffer;
}

/** Every column that holds envelopes, that of the root first. */
export async function listSealedColumns(db: Db): Promise<readonly SealedColumn[]> {
  const { rows } = await db.system((tx) =>
    sql<{ table_name: string; column_name: string }>`select * from platform.list_sealed_columns()`.execute(tx),
  );
  return rows.map((row) => ({ table: row.table_name, column: row.column_name }));
}

/** How many envelopes lie under each key, in all columns together. */
export async function countByKey(db: Db): Promise<readonly KeyUse[]> {
  const sums = new Map<string, bigint>();
  for (const { table, column } of await listSealedColumns(db)) {
    const { rows } = await db.system((tx) =>
      sql<{ key_id: Buffer; n: bigint }>`select * from platform.count_envelopes(${table}, ${column})`.execute(tx),
    );
    for (const { key_id, n } of rows) {
      const keyId = key_id.toString('hex');
      sums.set(keyId, (sums.get(keyId) ?? 0n) + n);
    }
  }
  return [...sums].map(([keyId, envelopes]) => ({ keyId, envelopes }));
}

const CONNECTION_NAME = 'guildhall keys=';
const SHORT_ID_CHARS = 8;
// The name of a connection has at most 63 characters.
const NAMED_KEYS_MAX = 5;
const ANY = '*';

/** Names connections after the master keys that their process knows, so that a rotation sees who could not follow. */
export function connectionName(keyring: Pick<Keyring, 'keyIds'>, canReload: boolean): string {
  const short = keyring.keyIds().map((id) => id.toString('hex').slice(0, SHORT_ID_CHARS));
  return `${CONNECTION_NAME}${canReload ? ANY : short.slice(0, NAMED_KEYS_MAX).join(',')}`;
}

/** @throws crypto.rotation-unknown while a connected process knows neither the key nor a file where it could find it. */
export async function assertKnownEverywhere(db: Db, target: Buffer): Promise<void> {
  const { rows } = await db.open((tx) =>
    sql<{ name: string }>`select distinct application_name as name from pg_stat_activity
      where datname = current_database() and starts_with(application_name, ${CONNECTION_NAME})`.execute(tx),
  );
  const wanted = target.toString('hex').slice(0, SHORT_ID_CHARS);
  const behind = rows
    .map(({ name }) => name.slice(CONNECTION_NAME.length).split(','))
    .filter((known) => !known.includes(ANY) && !known.includes(wanted));
  if (behind.length > 0) throw new GuildhallError(cryptoErrors.rotationUnknown);
}

async function sealingKeyOf(db: Db): Promise<Buffer | undefined> {
  const { rows } = await db.system((tx) => sql<{ key_id: Buffer }>`select * from platform.sealing_key()`.execute(tx));
  return rows[0]?.key_id;
}

/** Moves what of a column is not under the sealing key, in order of id; resolves with the number of envelopes moved. */
async function sweep(
  deps: RotationDeps,
  { table, column }: SealedColumn,
  moved: (n: number) => Promise<void> | void,
): Promise<number> {
  const { db, keyring, target } = deps;
  let sum = 0;
  for (let after = ''; ; ) {
    if (table !== ROOT_TABLE && !(await sealingKeyOf(db))?.equals(target))
      throw new GuildhallError(cryptoErrors.rotationOvertaken);
    const { rows } = await db.system((tx) =>
      sql<StaleRow>`select * from platform.stale_envelopes(${table}, ${column}, ${target}, ${after}, ${BATCH_ROWS})`.execute(
        tx,
      ),
    );
    const last = rows.at(-1);
    if (!last) return sum;
    after = last.id;
    const renewed = rows.map(({ id, org_id, sealed }) =>
      keyring.rewrap({ orgId: org_id, table, column, rowId: id }, sealed),
    );
    sum += await replace(deps, { table, column, rows, renewed });
    await moved(sum);
  }
}

interface Batch extends SealedColumn {
  readonly rows: readonly StaleRow[];
  readonly renewed: readonly Buffer[];
}

/** @throws crypto.rotation-overtaken when the root has moved to yet another key. */
async function replace({ db, target }: RotationDeps, { table, column, rows, renewed }: Batch): Promise<number> {
  const ids = rows.map((row) => row.id);
  const old = rows.map((row) => row.sealed);
  const result = await db.system((tx) =>
    sql<{ n: number | null }>`
      select platform.replace_envelopes(${table}, ${column}, ${target}, ${ids}::text[], ${old}::bytea[], ${[...renewed]}::bytea[]) as n`.execute(
      tx,
    ),
  );
  const n = result.rows[0]?.n;
  if (typeof n !== 'number') throw new GuildhallError(cryptoErrors.rotationOvertaken);
  return n;
}

export interface RotationDeps {
  readonly db: Db;
  readonly keyring: Pick<Keyring, 'rewrap' | 'sealUnder' | 'keyIds'>;
  /** Id of the master key that everything shall lie under. */
  readonly target: Buffer;
  /** Told after each batch; may be slow. */
  readonly onProgress?: (progress: RotationProgress) => Promise<void> | void;
}

/**
 * Brings everything that is sealed under the key `target`; resolves with the number of envelopes moved. May be killed at any moment and
 * begun again; nothing is unreadable in between to whoever knows both keys.
 * @throws crypto.rotation-overtaken when another rotation has begun; crypto.unreadable for an envelope of an unknown key.
 */
export async function rotateMasterKey(deps: RotationDeps): Promise<number> {
  const { keyring, target, db } = deps;
  if (!keyring.sealUnder(target)) throw new GuildhallError(cryptoErrors.wrongMasterKey);
  const columns = await listSealedColumns(db);
  let moved = 0;
  for (let pass = 1; pass <= PASSES_MAX; pass += 1) {
    const before = moved;
    for (const column of columns) {
      const base = moved;
      moved += await sweep(deps, column, (n) => deps.onProgress?.({ column, moved: base + n }));
    }
    // A pass without a find: whatever is written from now on lies under the new key.
    if (moved === before) return moved;
  }
  throw new GuildhallError(cryptoErrors.rotationUnknown, {
    detail: 'A process goes on writing under the former master key.',
  });
}

/**
 * Keeps a process sealing under the key that the root lies under: it hears of a new one at once, and looks by itself from time to time.
 * Returns the way to stop.
 */
export function followMasterKey(deps: {
  readonly db: Db;
  readonly bus: Pick<Bus, 'subscribe' | 'onGap'>;
  readonly keyring: Pick<Keyring, 'sealUnder'>;
  /** Told when the new key is not known here: this process has to be restarted with it. */
  readonly onUnknown: (error?: unknown) => void;
}): () => void {
  const { db, bus, keyring, onUnknown } = deps;
  const use = (keyId: Buffer | undefined): void => {
    if (keyId && !keyring.sealUnder(keyId)) onUnknown();
  };
  const look = (): void => void sealingKeyOf(db).then(use).catch(onUnknown);
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  const stops = [bus.subscribe('master-key', (hex) => use(Buffer.from(hex, 'hex'))), bus.onGap(look)];
  return () => {
    clearInterval(timer);
    for (const stop of stops) stop();
  };
}
