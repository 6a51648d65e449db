/** One PostgreSQL per test run, holding a migrated template that every test clones. */
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/platform/db/index.ts';
import { startCluster } from './cluster.ts';
import { MIGRATIONS, TEMPLATE, TEST_PASSWORDS } from './template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // fsync off: these rows need not outlive the machine, and a clone then costs milliseconds. What a crash of the server
  // itself loses is unchanged; tests of that start a cluster of their own.
  const cluster = await startCluster({ fsync: false });
  try {
    await query(cluster.url(), `create database ${TEMPLATE}`);
    await migrate({ ownerUrl: cluster.url(TEMPLATE), directory: MIGRATIONS, ...TEST_PASSWORDS });
    await query(cluster.url(), `alter database ${TEMPLATE} with is_template true allow_connections false`);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  project.provide('postgresUrl', cluster.url());
  return cluster.close;
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
