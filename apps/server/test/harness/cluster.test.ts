import pg from 'pg';
import { expect, test } from 'vitest';
import { startCluster } from './cluster.ts';

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('a cluster keeps its committed rows through a kill of the main process and through immediate restarts', async () => {
  const cluster = await startCluster({ fsync: true });
  try {
    await query(cluster.url(), 'create table t as select 1 as n');
    await cluster.killPostmaster();
    await expect(query(cluster.url(), 'select n from t')).rejects.toThrow();
    await cluster.start();
    expect(await query(cluster.url(), 'select n from t')).toEqual([{ n: 1 }]);
    await cluster.restartImmediate();
    expect(await query(cluster.url(), 'select n from t')).toEqual([{ n: 1 }]);
  } finally {
    await cluster.close();
  }
});
