/** Routes for files in and artifacts out. */

import { FILE_MAX_BYTES, file } from '@guildhall/contract';
import { z } from 'zod';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { actorOf, type Call, type RouteDefinition, receiveFile, route } from '../../../platform/http/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { toWireFile } from '../present.ts';
import type { RunsService } from '../service.ts';
import { deleteFile, findArtifact, findFile, insertFile } from '../store/files.ts';

const params = z.strictObject({ id: z.string().max(80) });
const NAME_MAX = 255;
// Multipart boundaries and headers around the largest file.
const ENVELOPE_BYTES = 64 * 1024;

// They turn the order of what follows, so that "gpj.exe" reads as a picture.
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/g;

/** A name to show, never a path: folders, control characters and turns of direction are cut off. */
export function displayName(name: string | undefined): string {
  const base = (name ?? '').split(/[/\\]/).at(-1) ?? '';
  const clean = base
    .replaceAll(/\p{Cc}/gu, '')
    .replaceAll(DIRECTION, '')
    .slice(0, NAME_MAX)
    .toWellFormed()
    .trim();
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean;
}

const MEDIA_TYPE = /^[\w.+-]{1,64}\/[\w.+-]{1,128}$/;

function attachment(name: string): string {
  return `attachment; filename="${name.replaceAll(/[^\x20-\x7e]|["\\]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(name)}`;
}

/** Sends content as a download that no browser will run as a page of ours. */
async function sendContent(
  deps: RunsDeps,
  call: Pick<Call<unknown, unknown, unknown>, 'reply'>,
  content: { orgId: string; sha256: string; name: string; mediaType: string; size: bigint },
): Promise<undefined> {
  const stream = await deps.files.get(content.orgId, content.sha256);
  await call.reply
    .header('content-type', content.mediaType)
    .header('content-length', content.size.toString())
    .header('content-disposition', attachment(content.name))
    .header('content-security-policy', "sandbox; default-src 'none'")
    .header('etag', `"${content.sha256}"`)
    .send(stream);
  return undefined;
}

export function fileRoutes(deps: RunsDeps, runs: RunsService): RouteDefinition[] {
  const find = async (call: Call<typeof params, unknown, unknown>) => {
    const row = await call.read((tx) => findFile(tx, call.params.id, call.principal.mode));
    if (!row) throw new GuildhallError(runErrors.fileNotFound);
    return row;
  };
  return [
    route({
      method: 'POST',
      path: '/v1/files',
      summary: 'Upload a file',
      tag: 'Files',
      scope: 'files:write',
      rawBody: true,
      bodyMaxBytes: FILE_MAX_BYTES + ENVELOPE_BYTES,
      responses: { 201: file },
      handler: async (call) => {
        const { orgId, mode } = call.principal;
        const received = await receiveFile(call.raw, async (part) => ({
          ...(await deps.files.put(orgId, part.file, { maxBytes: FILE_MAX_BYTES })),
          name: displayName(part.filename),
          mediaType: MEDIA_TYPE.test(part.mimetype) ? part.mimetype : 'application/octet-stream',
        }));
        if (!received) throw new GuildhallError(runErrors.fileMissing);
        const { name, mediaType, size, sha256 } = received;
        return call.mutate(async (tx) => {
          const row = await insertFile(tx, { id: deps.ids.make('file'), orgId, mode, name, mediaType, size, sha256 });
          await deps.audit.append(tx, {
            orgId,
            ...actorOf(call.principal),
            action: 'file.create',
            targetType: 'file',
            targetId: row.id,
            requestId: call.requestId,
          });
          return { status: 201, body: toWireFile(row) };
        }, `${name} ${mediaType} ${sha256}`);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/files/{id}',
      summary: 'Show a file',
      tag: 'Files',
      scope: 'files:read',
      params,
      responses: { 200: file },
      handler: async (call) => ({ status: 200, body: toWireFile(await find(call)) }),
    }),
    route({
      method: 'GET',
      path: '/v1/files/{id}/content',
      summary: 'Download a file',
      tag: 'Files',
      scope: 'files:read',
      params,
      responses: { 200: null },
      handler: async (call) => {
        const row = await find(call);
        return sendContent(deps, call, {
          orgId: call.principal.orgId,
          sha256: row.sha256,
          name: row.name,
          mediaType: row.media_type,
          size: row.size,
        });
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/files/{id}',
      summary: 'Delete a file',
      tag: 'Files',
      scope: 'files:write',
      params,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          const row = await deleteFile(tx, call.params.id, call.principal.mode);
          if (!row) throw new GuildhallError(runErrors.fileNotFound);
          await deps.audit.append(tx, {
            orgId: call.principal.orgId,
            ...actorOf(call.principal),
            action: 'file.delete',
            targetType: 'file',
            targetId: row.id,
            requestId: call.requestId,
          });
          return { status: 204, body: {} };
        }),
    }),
    artifactRoute(deps, runs),
  ];
}

/** Open to whoever holds the signed link; the link names organisation and artifact, so no other one can be reached. */
function artifactRoute(deps: RunsDeps, runs: RunsService): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/artifacts/{id}/content',
    summary: 'Download an artifact by its signed link',
    tag: 'Files',
    scope: 'public',
    params,
    query: z.strictObject({ token: z.string().min(1).max(2_048) }),
    responses: { 200: null },
    handler: async (call) => {
      const link = runs.links.open(call.query.token);
      if (link?.artifactId !== call.params.id) throw new GuildhallError(runErrors.artifactNotFound);
      const row = await deps.db.tenant(link.orgId, (tx) => findArtifact(tx, link.artifactId));
      if (!row) throw new GuildhallError(runErrors.artifactNotFound);
      return sendContent(deps, call, {
        orgId: link.orgId,
        sha256: row.sha256,
        name: row.name,
        mediaType: row.media_type,
        size: row.size,
      });
    },
  });
}
