/** The HTTP routes of the audit trail: to read it, to take it away, to have it sent. */
import { Readable } from 'node:stream';
import {
  type AuditEventView,
  auditEventPage,
  auditExportQuery,
  auditPageQuery,
  auditStream,
  auditStreamBody,
} from '@guildhall/contract';
import type { Tx } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { type Principal, type RouteDefinition, route } from '../../platform/http/index.ts';
import { CSV_HEAD, csvLine } from './csv.ts';
import { auditErrors } from './errors.ts';
import { type AuditFilter, listEvents, listEventsAfter } from './store/reading.ts';
import { findStream, setStream } from './store/streams.ts';
import type { AuditEvent } from './types.ts';

const TAG = 'Audit';
const PAGE_ROWS = 500;
// Some gigabyte, more than any tool opens; who has more takes it in spans of time.
const EXPORT_ROWS_MAX = 2_000_000;

/** What live keys and members did is none of a test key's business. */
function assertLive({ mode }: Principal): void {
  if (mode !== 'live') throw new GuildhallError(auditErrors.testKeyRefused);
}

type Append = (tx: Tx, event: AuditEvent) => Promise<void>;
type Read = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

async function* rowsOf(read: Read, filter: AuditFilter): AsyncGenerator<AuditEventView> {
  let after = 0n;
  for (let count = 0; count < EXPORT_ROWS_MAX; count += PAGE_ROWS) {
    const page = await read((tx) => listEventsAfter(tx, filter, { after, limit: PAGE_ROWS }));
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE_ROWS) return;
    after = BigInt(last.seq);
  }
}

async function* linesOf(rows: AsyncGenerator<AuditEventView>, format: 'ndjson' | 'csv'): AsyncGenerator<string> {
  if (format === 'csv') yield CSV_HEAD;
  for await (const row of rows) yield format === 'csv' ? csvLine(row) : `${JSON.stringify(row)}\n`;
}

const pageOf = async (
  read: Read,
  query: AuditFilter & { readonly cursor?: string | undefined; readonly limit: number },
) => {
  const { cursor, limit, ...filter } = query;
  const before = cursor === undefined ? undefined : BigInt(cursor);
  const found = await read((tx) => listEvents(tx, filter, { before, limit: limit + 1 }));
  const data = found.slice(0, limit);
  return { status: 200, body: { data, nextCursor: found.length > limit ? (data.at(-1)?.seq ?? null) : null } };
};

export function auditRoutes(append: Append): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/audit',
      summary: 'List what was done in your organisation, newest first.',
      tag: TAG,
      scope: 'audit:read',
      query: auditPageQuery,
      responses: { 200: auditEventPage },
      handler({ principal, query, read }) {
        assertLive(principal);
        return pageOf(read, query);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/audit/export',
      summary: 'Take the audit trail away, oldest first: one JSON document a line, or a table.',
      tag: TAG,
      scope: 'audit:read',
      query: auditExportQuery,
      responses: { 200: null },
      async handler({ principal, query, read, reply }) {
        assertLive(principal);
        const { format, ...filter } = query;
        const type = format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson';
        const disposition = `attachment; filename="audit.${format}"`;
        await reply
          .headers({ 'content-type': type, 'content-disposition': disposition })
          .send(Readable.from(linesOf(rowsOf(read, filter), format)));
        return undefined;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/me/activity',
      summary: 'List what was done with your own account, newest first: sign-ins, refused ones, and changes.',
      tag: TAG,
      scope: 'person',
      query: auditPageQuery,
      responses: { 200: auditEventPage },
      handler: ({ query, read }) => pageOf(read, query),
    }),
    ...streamRoutes(append),
  ];
}

function streamRoutes(append: Append): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/audit/stream',
      summary: 'Show whether the audit trail is sent to webhooks.',
      tag: TAG,
      scope: 'audit:read',
      responses: { 200: auditStream },
      async handler({ principal, read }) {
        assertLive(principal);
        return { status: 200, body: { enabled: await read((tx) => findStream(tx)) } };
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/audit/stream',
      summary:
        'Send each row of the audit trail from now on to webhook endpoints that name audit.recorded.v1, or stop that.',
      tag: TAG,
      scope: 'audit:read',
      body: auditStreamBody,
      responses: { 200: auditStream },
      async handler({ principal, body, requestId, mutate }) {
        assertLive(principal);
        const { orgId, keyId, personId } = principal;
        return mutate(async (tx) => {
          await setStream(tx, orgId, body.enabled);
          await append(tx, {
            orgId,
            actorType: personId === undefined ? 'key' : 'member',
            actorId: keyId,
            action: 'audit.stream',
            targetType: 'organisation',
            targetId: orgId,
            requestId,
            data: { enabled: body.enabled },
          });
          return { status: 200, body: { enabled: body.enabled } };
        });
      },
    }),
  ];
}
