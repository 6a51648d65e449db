/** DuckDB, opened so that nothing a tenant sends can reach past the folder of its job. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type Column, identifier, kindOf, literal } from '../columns.ts';

/** With Node and the native library beside it the process stays below 600 MB: measured 524 and 564 MB for a million rows. */
const MEMORY_LIMIT = '240MB';
/** What does not fit into memory goes to disk, but a runaway query must not fill it. */
const SPILL_LIMIT = '2GB';
/** The machine also serves requests. */
const THREADS = '2';

export interface Engine {
  run(sql: string): Promise<void>;
  /** Rows as objects; big numbers, decimals and dates come as texts. For small results only. */
  all(sql: string): Promise<readonly Record<string, unknown>[]>;
  one(sql: string): Promise<Record<string, unknown>>;
  /** The columns that a relation gives, our own left out. */
  describe(relation: string): Promise<readonly { readonly name: string; readonly type: string }[]>;
  /** Texts of a one-column query, a few thousand at a time. */
  texts(sql: string): AsyncGenerator<readonly string[]>;
  rowsOf(sql: string): AsyncGenerator<readonly (readonly unknown[])[]>;
  close(): void;
}

/** Opens an engine that reads `readFiles` and the folder `dir`, writes only there, and can be configured no further. */
export async function openEngine(dir: string, readFiles: readonly string[]): Promise<Engine> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: THREADS,
    memory_limit: MEMORY_LIMIT,
    max_temp_directory_size: SPILL_LIMIT,
    temp_directory: `${dir}/spill`,
  });
  const connection = await instance.connect();
  // The order matters: after external access is off nothing can be allowed, after the lock nothing can be changed.
  for (const sql of [
    'SET autoinstall_known_extensions=false',
    'SET autoload_known_extensions=false',
    "SET TimeZone='UTC'",
    'SET preserve_insertion_order=true',
    // Freed memory goes back to the system at once: the limit of the process counts what is resident, not what is used.
    "SET allocator_flush_threshold='8MB'",
    "SET allocator_bulk_deallocation_flush_threshold='32MB'",
    `SET allowed_directories=[${literal(`${dir}/`)}]`,
    ...(readFiles.length > 0 ? [`SET allowed_paths=[${readFiles.map(literal).join(', ')}]`] : []),
    'SET enable_external_access=false',
    'SET lock_configuration=true',
  ])
    await connection.run(sql);
  return engineOver(connection, () => instance.closeSync());
}

function engineOver(connection: DuckDBConnection, closeInstance: () => void): Engine {
  const all = async (sql: string): Promise<readonly Record<string, unknown>[]> =>
    (await connection.runAndReadAll(sql)).getRowObjectsJson();
  return {
    run: async (sql) => {
      await connection.run(sql);
    },
    all,
    one: async (sql) => (await all(sql))[0] ?? {},
    describe: async (relation) =>
      (await all(`DESCRIBE SELECT * FROM ${relation}`)).map((row) => ({
        name: String(row.column_name),
        type: String(row.column_type),
      })),
    texts: async function* (sql) {
      const result = await connection.stream(sql);
      for (
        let chunk = await result.fetchChunk();
        chunk !== null && chunk.rowCount > 0;
        chunk = await result.fetchChunk()
      ) {
        yield chunk.getColumnValues(0).map(String);
      }
    },
    rowsOf: async function* (sql) {
      const result = await connection.stream(sql);
      for (
        let chunk = await result.fetchChunk();
        chunk !== null && chunk.rowCount > 0;
        chunk = await result.fetchChunk()
      )
        yield chunk.getRows();
    },
    close: () => {
      connection.closeSync();
      closeInstance();
    },
  };
}

/** The user's columns of a relation. Every relation of a flow has kinds only; nested types are turned into JSON when read. */
export async function columnsOf(engine: Engine, relation: string): Promise<readonly Column[]> {
  return (await engine.describe(relation))
    .filter(({ name }) => !name.startsWith('__'))
    .map(({ name, type }) => {
      const kind = kindOf(type);
      if (kind === undefined)
        throw new Error(`column ${identifier(name)} has the type ${type}, which no step should give`);
      return { name, kind, sql: type };
    });
}
