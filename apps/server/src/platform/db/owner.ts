/** Connections of the role that owns the schema, for a piece of work each. Its password may change at any moment. */
import pg from 'pg';
import { isWrongPassword } from './db.ts';

/** Where the owner is reached: the connection string, or a function that gives those that may be right now, the likeliest first. */
export type OwnerUrl = string | (() => readonly string[]);

export const ownerUrlsOf = (owner: OwnerUrl): readonly string[] => (typeof owner === 'string' ? [owner] : owner());

/** A connection for one piece of work. A password that is refused is looked for again, since it may have changed this moment. */
export async function withOwner<T>(owner: OwnerUrl, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(owner);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function connect(owner: OwnerUrl): Promise<pg.Client> {
  const refused = new Set<string>();
  for (let failure: unknown; ; ) {
    const url = ownerUrlsOf(owner).find((one) => !refused.has(one));
    if (url === undefined) throw failure;
    const client = new pg.Client({ connectionString: url });
    // A connection lost between two statements shows as the failure of the next one.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      if (!isWrongPassword(error)) throw error;
      refused.add(url);
      failure = error;
    }
  }
}
