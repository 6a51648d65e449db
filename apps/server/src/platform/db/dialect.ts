/** A Kysely dialect bound to one checked-out pg client, with named (prepared) statements. */
import { createHash } from 'node:crypto';
import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { PoolClient } from 'pg';

const names = new WeakMap<object, Map<string, string>>();
// A store has a fixed set of statements; a text that is built anew each time would grow the server's memory.
const PREPARED_MAX = 500;

/** Statement names are per connection; past the limit a statement runs unnamed. */
function statementName(client: PoolClient, text: string): string | undefined {
  let known = names.get(client);
  if (!known) {
    known = new Map();
    names.set(client, known);
  }
  let name = known.get(text);
  if (!name && known.size < PREPARED_MAX) {
    name = createHash('sha1').update(text).digest('base64url');
    known.set(text, name);
  }
  return name;
}

class ClientConnection implements DatabaseConnection {
  readonly #client: PoolClient;
  constructor(client: PoolClient) {
    this.#client = client;
  }
  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const name = statementName(this.#client, query.sql);
    const result = await this.#client.query({
      ...(name ? { name } : {}),
      text: query.sql,
      values: [...query.parameters],
    });
    return { rows: result.rows, numAffectedRows: BigInt(result.rowCount ?? 0) };
  }
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not offered: page through rows instead');
  }
}

const bound = new WeakMap<PoolClient, Kysely<never>>();

/** The query builder on this very client. Transactions are opened by `Db`, never by the builder. */
export function builderOn(client: PoolClient): Kysely<never> {
  const known = bound.get(client);
  if (known) return known;
  const connection = new ClientConnection(client);
  const refuse = async () => {
    throw new Error('open transactions through Db');
  };
  const builder = new Kysely<never>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => ({
        init: async () => {},
        acquireConnection: async () => connection,
        releaseConnection: async () => {},
        beginTransaction: refuse,
        commitTransaction: refuse,
        rollbackTransaction: refuse,
        destroy: async () => {},
      }),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  bound.set(client, builder);
  return builder;
}
