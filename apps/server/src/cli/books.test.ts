import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestPlatform, testPlatform } from '../../test/harness/platform.ts';
import { builtInAgents } from '../agents.ts';
import { isPruned, verifyBooks } from './books.ts';

let platform: TestPlatform;
let owner: pg.Client;
let runId: string;

beforeAll(async () => {
  platform = await testPlatform({ agents: builtInAgents });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const input = { sources: [{ data: 'a,b\n1,2\n', format: 'csv' }] };
  const run = await platform.call<{ id: string; status: string }>('POST', '/v1/agents/data-processor/runs?wait=30', {
    input,
  });
  expect(run.body.status).toBe('succeeded');
  runId = run.body.id;
});

afterAll(async () => {
  await owner.end();
  await platform.close();
});

const verify = () => verifyBooks(platform.server);

/** Does `change` past every guard, asks for the differences, and undoes it. */
async function planted(change: string, undo: string) {
  const past = (statement: string) =>
    owner.query(`set session_replication_role = replica; ${statement}; reset session_replication_role`);
  await past(change);
  try {
    return (await verify()).map(({ code, object, expected, found }) => ({ code, object, expected, found }));
  } finally {
    await past(undo);
  }
}

test('the books of real runs balance: cost of the run, its charge and its usage are one number', async () => {
  expect(await verify()).toEqual([]);
});

test('a run that says another cost than it was charged is named', async () => {
  const differences = await planted(
    `update runs.run set cost_nanos = cost_nanos - 1 where id = '${runId}'`,
    `update runs.run set cost_nanos = cost_nanos + 1 where id = '${runId}'`,
  );
  expect(differences).toEqual([
    { code: 'run.cost', object: runId, expected: 'charged 47500000', found: 'cost 47499999' },
  ]);
});

test('a hold that is open though its run has ended is named', async () => {
  const differences = await planted(
    `update ledger.hold set state = 'open' where run_id = '${runId}'`,
    `update ledger.hold set state = 'settled' where run_id = '${runId}'`,
  );
  expect(differences).toContainEqual({
    code: 'run.hold-open',
    object: runId,
    expected: 'no open hold',
    found: 'open hold',
  });
});

test('a charge without a run is named while retention cannot have removed the run, and only then', async () => {
  const findings = await planted(
    `update runs.run set org_id = org_id || 'x' where id = '${runId}'`,
    `update runs.run set org_id = left(org_id, -1) where id = '${runId}'`,
  );
  const [finding] = findings;
  expect(finding).toMatchObject({ code: 'run.unknown', object: runId });
  if (!finding) return;
  const now = Date.now();
  expect(isPruned(finding, now - 60_000)).toBe(false);
  expect(isPruned(finding, now + 60_000)).toBe(true);
  expect(isPruned({ ...finding, found: 'an open hold' }, now + 60_000)).toBe(false);
  expect(isPruned({ ...finding, code: 'run.cost' }, now + 60_000)).toBe(false);
});
