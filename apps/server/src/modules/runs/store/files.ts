/** SQL of uploaded files and of artifacts as things to download. What is of another mode is missing. */
import type { Mode } from '@guildhall/contract';
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { ArtifactRow, FileRow } from '../types.ts';

export async function insertFile(
  tx: Tx,
  file: { id: string; orgId: string; mode: Mode; name: string; mediaType: string; size: number; sha256: string },
): Promise<FileRow> {
  const result = await sql<FileRow>`insert into runs.file (id, org_id, mode, name, media_type, size, sha256)
    values (${file.id}, ${file.orgId}, ${file.mode}, ${file.name}, ${file.mediaType}, ${file.size}, ${file.sha256})
    returning *`.execute(tx);
  // An insert with returning gives one row or throws.
  return result.rows[0] as FileRow;
}

export async function findFile(tx: Tx, id: string, mode: Mode): Promise<FileRow | undefined> {
  const result = await sql<FileRow>`select * from runs.file where id = ${id} and mode = ${mode}`.execute(tx);
  return result.rows[0];
}

/** Those of `ids` that exist for this organisation in `mode`: uploaded files, and artifacts of its runs. */
export async function knownContents(tx: Tx, ids: readonly string[], mode: Mode): Promise<Set<string>> {
  const result = await sql<{ id: string }>`
    select id from runs.file where id = any(${[...ids]}::text[]) and mode = ${mode}
    union all select a.id from runs.artifact a join runs.run r on r.id = a.run_id
      where a.id = any(${[...ids]}::text[]) and r.mode = ${mode}`.execute(tx);
  return new Set(result.rows.map((row) => row.id));
}

/** What an input names: an uploaded file, or an artifact that another run kept. */
export async function findContent(tx: Tx, id: string, mode: Mode): Promise<Omit<FileRow, 'created_at'> | undefined> {
  const file = await findFile(tx, id, mode);
  if (file) return file;
  const result = await sql<ArtifactRow>`select a.* from runs.artifact a join runs.run r on r.id = a.run_id
    where a.id = ${id} and r.mode = ${mode}`.execute(tx);
  return result.rows[0];
}

export async function deleteFile(tx: Tx, id: string, mode: Mode): Promise<FileRow | undefined> {
  const result = await sql<FileRow>`delete from runs.file where id = ${id} and mode = ${mode} returning *`.execute(tx);
  return result.rows[0];
}

export async function findArtifact(tx: Tx, id: string): Promise<ArtifactRow | undefined> {
  const result = await sql<ArtifactRow>`select * from runs.artifact where id = ${id}`.execute(tx);
  return result.rows[0];
}

/** Registers bytes that are about to be put; waits while the same bytes are being swept. */
export async function announceContent(tx: Tx, orgId: string, sha256: string): Promise<void> {
  await sql`insert into runs.content (org_id, sha256) values (${orgId}, ${sha256})
    on conflict (org_id, sha256) do update set loose_since = platform.now()`.execute(tx);
}
