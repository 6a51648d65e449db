/** SQL of uploaded files and of artifacts as things to download. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { ArtifactRow, FileRow } from '../types.ts';

export async function insertFile(
  tx: Tx,
  file: { id: string; orgId: string; name: string; mediaType: string; size: number; sha256: string },
): Promise<FileRow> {
  const result = await sql<FileRow>`insert into runs.file (id, org_id, name, media_type, size, sha256)
    values (${file.id}, ${file.orgId}, ${file.name}, ${file.mediaType}, ${file.size}, ${file.sha256}) returning *`.execute(
    tx,
  );
  // An insert with returning gives one row or throws.
  return result.rows[0] as FileRow;
}

export async function findFile(tx: Tx, id: string): Promise<FileRow | undefined> {
  const result = await sql<FileRow>`select * from runs.file where id = ${id}`.execute(tx);
  return result.rows[0];
}

/** Those of `ids` that exist for this organisation: uploaded files, and artifacts of its runs. */
export async function knownContents(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const result = await sql<{ id: string }>`
    select id from runs.file where id = any(${[...ids]}::text[])
    union all select id from runs.artifact where id = any(${[...ids]}::text[])`.execute(tx);
  return new Set(result.rows.map((row) => row.id));
}

/** What an input names: an uploaded file, or an artifact that another run kept. */
export async function findContent(tx: Tx, id: string): Promise<Omit<FileRow, 'created_at'> | undefined> {
  return (await findFile(tx, id)) ?? (await findArtifact(tx, id));
}

export async function deleteFile(tx: Tx, id: string): Promise<FileRow | undefined> {
  const result = await sql<FileRow>`delete from runs.file where id = ${id} returning *`.execute(tx);
  return result.rows[0];
}

export async function findArtifact(tx: Tx, id: string): Promise<ArtifactRow | undefined> {
  const result = await sql<ArtifactRow>`select * from runs.artifact where id = ${id}`.execute(tx);
  return result.rows[0];
}

/** Does any file or artifact of this organisation still have this content? */
export async function isContentUsed(tx: Tx, sha256: string): Promise<boolean> {
  const result =
    await sql`select 1 from runs.file where sha256 = ${sha256} union all select 1 from runs.artifact where sha256 = ${sha256} limit 1`.execute(
      tx,
    );
  return result.rows.length > 0;
}
