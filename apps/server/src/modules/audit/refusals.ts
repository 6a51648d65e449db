/**
 * What was refused to somebody known. A flood must not fill the trail, so refusals of one kind (who, code) are gathered in memory and become
 * one row a minute, with their number and the first of them. A crash loses the last minute of them, and nothing else.
 */
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Refused } from '../../platform/http/index.ts';
import type { Logger } from '../../platform/telemetry/index.ts';
import type { AuditEvent } from './types.ts';

const GATHER_MS = 60_000;
// Some hundred kilobytes. Beyond it further kinds of refusals of this minute are not told apart, but counted.
const KINDS_MAX = 2_000;

interface Gathered extends Refused {
  count: number;
}

export interface Refusals {
  note(refused: Refused): void;
  /** Writes what was gathered. */
  flush(): Promise<void>;
  /** Writes what is left and gathers no more. */
  stop(): Promise<void>;
}

export interface RefusalsDeps {
  readonly db: Db;
  readonly audit: { append(tx: Tx, event: AuditEvent): Promise<void> };
  readonly log: Pick<Logger, 'warn'>;
}

export function createRefusals({ db, audit, log }: RefusalsDeps): Refusals {
  const gathered = new Map<string, Gathered>();
  let uncounted = 0;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const write = async ({ principal, route, status, code, requestId, count }: Gathered): Promise<void> => {
    const { orgId, personId, keyId } = principal;
    const chain = orgId === '' ? (personId ?? '') : orgId;
    await db.tenant(chain, (tx) =>
      audit.append(tx, {
        orgId: chain,
        actorType: personId === undefined ? 'key' : 'member',
        actorId: keyId === '' ? personId : keyId,
        action: 'request.refuse',
        targetType: 'route',
        targetId: route,
        data: { status, code, count, firstRequest: requestId },
      }),
    );
  };

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const rows = [...gathered.values()];
    gathered.clear();
    if (uncounted > 0) log.warn('refusals of too many kinds in a minute: some have no row', { refusals: uncounted });
    uncounted = 0;
    for (const row of rows) await write(row);
  };

  return {
    note(refused) {
      const { orgId, keyId, personId = '' } = refused.principal;
      if (isStopped || (orgId === '' && personId === '')) return;
      const kind = `${orgId} ${keyId} ${personId} ${refused.code}`;
      const known = gathered.get(kind);
      if (known) known.count += 1;
      else if (gathered.size < KINDS_MAX) gathered.set(kind, { ...refused, count: 1 });
      else uncounted += 1;
      timer ??= setTimeout(() => {
        flush().catch((error: unknown) => log.warn('refusals were not written to the audit trail', { error }));
      }, GATHER_MS).unref();
    },
    flush,
    async stop() {
      isStopped = true;
      await flush();
    },
  };
}
