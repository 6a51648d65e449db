/** Mails that a transaction decided on, sent after its commit: once as a rule, and again under one Message-ID where nobody knows. */
import type { Keyring } from '../crypto/index.ts';
import { type Db, sql, type Tx } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { mailErrors } from './errors.ts';
import type { Mail, MailMessage } from './types.ts';

export interface MailQueue {
  /** Writes the mail in the caller's transaction, which must be that of `orgId`. A key that is there already changes nothing. */
  enqueue(tx: Tx, orgId: string, message: MailMessage): Promise<void>;
}

export interface Postman {
  /** Sends all that is due; resolves with the number of tries. */
  drain(): Promise<number>;
  stop(): Promise<void>;
}

interface MailRow {
  readonly org_id: string;
  readonly id: string;
  readonly sealed: Buffer;
  readonly attempts: number;
}

type Content = Omit<MailMessage, 'idempotencyKey'>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Between tries: a day and a half in all, about as long as mail servers try each other. */
const PAUSES_MS = [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, 16 * HOUR_MS];
// Servers take a second or so for a mail, and many dislike several at once from one sender.
const AT_ONCE = 4;
// The timeouts of a whole delivery, after which its sender is taken for dead.
const LEASE_MS = 120_000;
const POLL_MS = 5_000;

const placeOf = (orgId: string, rowId: string) => ({ orgId, table: 'platform.mail', column: 'sealed', rowId });

export function createMailQueue({ keyring }: { readonly keyring: Keyring }): MailQueue {
  return {
    enqueue: async (tx, orgId, { idempotencyKey, ...content }) => {
      const sealed = keyring.encrypt(placeOf(orgId, idempotencyKey), JSON.stringify(content));
      await sql`insert into platform.mail (org_id, id, sealed) values (${orgId}, ${idempotencyKey}, ${sealed}) on conflict (id) do nothing`.execute(
        tx,
      );
    },
  };
}

export interface PostmanDeps {
  readonly db: Db;
  readonly keyring: Keyring;
  readonly mail: Pick<Mail, 'send'>;
  readonly log: Logger;
}

/** Claims what is due, sends it outside of any transaction, and writes down under its attempt how that went. */
export function createPostman(deps: PostmanDeps): Postman {
  const { db, log } = deps;
  let stopped = false;
  let current: Promise<number> | undefined;
  const drain = async (): Promise<number> => {
    for (let tries = 0; ; ) {
      if (stopped) return tries;
      const due = await claim(db);
      await Promise.all(due.map((row) => deliver(deps, row)));
      tries += due.length;
      if (due.length === 0) return tries;
    }
  };
  const turn = (): void => {
    current ??= drain()
      .catch((error: unknown) => {
        log.warn('mail: a turn failed and will be repeated', { error });
        return 0;
      })
      .finally(() => {
        current = undefined;
      });
  };
  const timer = setInterval(turn, POLL_MS);
  return {
    drain,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await current;
    },
  };
}

async function claim(db: Db): Promise<readonly MailRow[]> {
  const lease = `${LEASE_MS} milliseconds`;
  const { rows } = await db.system((tx) =>
    sql<MailRow>`select * from platform.claim_mail(${AT_ONCE}, ${lease}::interval)`.execute(tx),
  );
  return rows;
}

/** Never throws for what the server said; what cannot be written down is tried again when the lease ends. */
async function deliver({ db, keyring, mail, log }: PostmanDeps, row: MailRow): Promise<void> {
  const record = (state: 'sent' | 'pending' | 'failed', pauseMs: number) =>
    db.system((tx) =>
      sql`select platform.record_mail(${row.id}, ${row.attempts}, ${state}, ${`${pauseMs} milliseconds`}::interval)`.execute(
        tx,
      ),
    );
  const fields = { orgId: row.org_id, mailId: row.id, attempt: row.attempts };
  try {
    // Sealed by `enqueue`, so it has that shape.
    const content = JSON.parse(keyring.decrypt(placeOf(row.org_id, row.id), row.sealed).toString('utf8')) as Content;
    await mail.send({ ...content, idempotencyKey: row.id });
    await record('sent', 0);
  } catch (error) {
    const pauseMs = PAUSES_MS[row.attempts - 1];
    const isFinal = pauseMs === undefined || (error instanceof GuildhallError && error.spec === mailErrors.refused);
    if (isFinal) log.error('mail: given up', { ...fields, error });
    else log.warn('mail: not sent; it will be tried again', { ...fields, error });
    await record(isFinal ? 'failed' : 'pending', pauseMs ?? 0).catch((fault: unknown) =>
      log.warn('mail: an attempt could not be written down; it will be repeated', { ...fields, error: fault }),
    );
  }
}

const KEEP = '30 days';

/** Forgets mails that were sent or given up long ago; resolves with their number. */
export async function pruneMail(db: Db): Promise<number> {
  const { rows } = await db.system((tx) =>
    sql<{ n: number }>`select platform.prune_mail(${KEEP}::interval) as n`.execute(tx),
  );
  return rows[0]?.n ?? 0;
}
