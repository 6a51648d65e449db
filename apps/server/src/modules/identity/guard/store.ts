/** All SQL of the guard. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Place } from '../types.ts';

export type Verdict =
  | { readonly type: 'ok' }
  | { readonly type: 'wait'; readonly waitMs: number }
  | { readonly type: 'locked' };

/** System role. Counts as a failure until `clearGuesses`. */
export async function takeGuess(
  tx: Tx,
  guess: { readonly account: Buffer; readonly lane: Buffer; readonly isKnown: boolean },
): Promise<Verdict> {
  const { rows } = await sql<{ verdict: Verdict['type']; wait_ms: bigint }>`
    select verdict, wait_ms from identity.take_guess(${guess.account}, ${guess.lane}, ${guess.isKnown})`.execute(tx);
  const [row] = rows;
  return row?.verdict === 'wait'
    ? { type: 'wait', waitMs: Number(row.wait_ms) }
    : { type: row?.verdict === 'locked' ? 'locked' : 'ok' };
}

/** System role. Without a lane, all of the account. True when its owner was told of failures within a day. */
export async function clearGuesses(tx: Tx, account: Buffer, lane: Buffer | undefined): Promise<boolean> {
  const { rows } = await sql<{ told: boolean }>`
    select identity.clear_guesses(${account}, ${lane ?? null}::bytea) as told`.execute(tx);
  return rows[0]?.told ?? false;
}

/** System role. The next try has to wait. 10 or 100 for the one failure that has reached it, of a known device or of all unknown lanes; else 0. */
export async function failGuess(
  tx: Tx,
  guess: { readonly account: Buffer; readonly lane: Buffer; readonly isKnown: boolean },
): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select identity.fail_guess(${guess.account}, ${guess.lane}, ${guess.isKnown}) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}

export interface KnownDevice {
  readonly id: string;
  readonly personId: string;
}

/** System role: those of these devices that are known to whom has this address, or is this person. */
export async function findDevices(
  tx: Tx,
  of: { readonly email: string; readonly personId: string | undefined },
  ids: readonly string[],
): Promise<KnownDevice[]> {
  const { rows } = await sql<{ id: string; person_id: string }>`
    select id, person_id from identity.find_devices(${of.email}, ${of.personId ?? null}::text, ${[...ids]}::text[])`.execute(
    tx,
  );
  return rows.map((row) => ({ id: row.id, personId: row.person_id }));
}

export interface Device {
  readonly id: string;
  readonly userAgent: string;
  readonly createdAt: Date;
  readonly seenAt: Date;
}

/** In the person's own transaction, newest first. */
export async function listDevices(tx: Tx, limit: number): Promise<Device[]> {
  const { rows } = await sql<{ id: string; user_agent: string; created_at: Date; seen_at: Date }>`
    select id, user_agent, created_at, seen_at from identity.device where ended_at is null order by id desc limit ${limit}`.execute(
    tx,
  );
  return rows.map((row) => ({
    id: row.id,
    userAgent: row.user_agent,
    createdAt: row.created_at,
    seenAt: row.seen_at,
  }));
}

/** In the person's own transaction. True where it is the first that they ever came from. */
export async function insertDevice(
  tx: Tx,
  device: { readonly id: string; readonly personId: string; readonly userAgent: string },
): Promise<boolean> {
  const { rows } = await sql<{ is_first: boolean }>`
    with before as (select exists (select from identity.device where person_id = ${device.personId}) as earlier),
         made as (insert into identity.device (id, person_id, user_agent) values (${device.id}, ${device.personId}, ${device.userAgent}))
    select not earlier as is_first from before`.execute(tx);
  return rows[0]?.is_first ?? false;
}

/** In the person's own transaction: marks it as seen; false when it is not known. */
export async function touchDevice(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.device set seen_at = platform.now() where id = ${id} and ended_at is null`.execute(tx);
  return numAffectedRows === 1n;
}

/** In the person's own transaction: this one, or all; tells how many. */
export async function endDevices(tx: Tx, id: string | undefined): Promise<number> {
  const { numAffectedRows } = await sql`
    update identity.device set ended_at = platform.now() where ended_at is null and id = coalesce(${id ?? null}, id)`.execute(
    tx,
  );
  return Number(numAffectedRows ?? 0n);
}

export interface Visit extends Place {
  readonly agoSeconds: number;
}

/** In the person's own transaction: where their last session with a place came from, and whether any came from this country. */
export async function findVisits(
  tx: Tx,
  sessionId: string,
  country: string,
): Promise<{ readonly last: Visit | undefined; readonly wasThere: boolean }> {
  const { rows } = await sql<{
    country: string;
    latitude: number | null;
    longitude: number | null;
    ago: number;
    was_there: boolean;
  }>`select s.country, s.latitude, s.longitude, extract(epoch from platform.now() - s.created_at)::float8 as ago,
            exists (select from identity.session t where t.country = ${country} and t.id <> ${sessionId}) as was_there
       from identity.session s where s.country is not null and s.id <> ${sessionId} order by s.created_at desc limit 1`.execute(
    tx,
  );
  const [row] = rows;
  if (!row) return { last: undefined, wasThere: false };
  const { latitude, longitude } = row;
  return {
    wasThere: row.was_there,
    last: {
      country: row.country,
      latitude: latitude ?? undefined,
      longitude: longitude ?? undefined,
      agoSeconds: row.ago,
    },
  };
}

/** In the person's own transaction. */
export async function setRisk(
  tx: Tx,
  sessionId: string,
  { risk, place }: { readonly risk: number; readonly place: Place | undefined },
): Promise<void> {
  await sql`
    update identity.session
       set risk = ${risk}, country = ${place?.country ?? null}, latitude = ${place?.latitude ?? null}, longitude = ${place?.longitude ?? null}
     where id = ${sessionId}`.execute(tx);
}

/** In a transaction of the key's organisation: `first` for a key's first network, `new` for a further one, `known` else. */
export async function noteNetwork(
  tx: Tx,
  key: { readonly keyId: string; readonly orgId: string; readonly network: Buffer; readonly max: number },
): Promise<'first' | 'new' | 'known'> {
  const { rows } = await sql<{ n: number; made: number }>`
    with before as (select count(*)::int as n from identity.key_network where key_id = ${key.keyId}),
         made as (insert into identity.key_network (key_id, org_id, network)
                  select ${key.keyId}, ${key.orgId}, ${key.network} from before where n < ${key.max}
                  on conflict (key_id, network) do nothing returning 1)
    select n, (select count(*)::int from made) as made from before`.execute(tx);
  const [row] = rows;
  if (!row || row.made === 0) return 'known';
  return row.n === 0 ? 'first' : 'new';
}

/** System role. */
export async function pruneGuard(tx: Tx, keep: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select identity.prune_guard(${keep}::interval) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}
