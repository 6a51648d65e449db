import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestPlatform, testPlatform } from '../../../../test/harness/platform.ts';
import { loadSettings } from '../../../config/index.ts';
import { noteOpenedNetworks } from './index.ts';

let platform: TestPlatform;
let owner: pg.Client;
beforeAll(async () => {
  platform = await testPlatform({ agents: [], role: 'api' });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
}, 60_000);
afterAll(async () => {
  await owner.end();
  await platform.close();
});

const start = (allowed: string) => {
  const { egressAllowPrivate } = loadSettings({ EGRESS_ALLOW_PRIVATE: allowed });
  const { db, audit } = { db: platform.db, audit: platform.server.platform.audit };
  return noteOpenedNetworks({ db, audit }, platform.orgId, egressAllowPrivate);
};
const noted = async (): Promise<string[]> => {
  const { rows } = await owner.query<{ networks: string }>(
    "select data ->> 'networks' as networks from audit.event where action = 'egress.networks-opened' order by seq",
  );
  return rows.map(({ networks }) => networks);
};

test('a start that opens other private networks than the last one says so in the audit trail, with their names', async () => {
  await start('');
  expect(await noted()).toEqual([]);
  await start('lab=10.1.0.0/16, 127.0.0.1/32');
  await start('127.0.0.1/32,lab=10.1.0.0/16');
  expect(await noted()).toEqual(['127.0.0.1/32 lab=10.1.0.0/16']);
  await Promise.all(Array.from({ length: 4 }, () => start('lab=10.2.0.0/16')));
  await start('');
  expect(await noted()).toEqual(['127.0.0.1/32 lab=10.1.0.0/16', 'lab=10.2.0.0/16', 'none']);
});

test.each(['10.0.0.0', 'lab=10.0.0.0/33', 'lab=', '=10.0.0.0/8', 'a=b=10.0.0.0/8', 'l$b=10.0.0.0/8', 'localhost/8'])(
  '%j is no network',
  (text) => {
    expect(() => loadSettings({ EGRESS_ALLOW_PRIVATE: text })).toThrow('EGRESS_ALLOW_PRIVATE');
  },
);
