/**
 * SEC-04: every secret of the inventory is changed in turn while requests, uploads, mails, reports and calls to the outside go on: none fails,
 * nobody has to sign in again, and nothing is restarted. A secret without a way to change it fails here.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/config/index.ts';
import { ownerUrlsOf } from '../../src/platform/db/index.ts';
import { startCluster, type TestCluster } from '../harness/cluster.ts';
import { type Client, signUpPerson } from '../harness/people.ts';
import { expectAnswer, type Load, startLoad } from './rotation/load.ts';
import { type Outside, startOutside } from './rotation/outside.ts';
import { ALONE, BESIDE, type Recipe } from './rotation/recipes.ts';
import { type Stage, startStage, word } from './rotation/stage.ts';

const START_MS = 120_000;
const ROTATE_MS = 120_000;
// Judged to be public, so it is reached through the proxy, which leads elsewhere.
const PUBLIC = 'http://93.184.216.34/hook';
/** For the command line, which no server uses; and held by the inventory as "master key". */
const ELSEWHERE = ['GUILDHALL_API_KEY', 'GUILDHALL_MASTER_KEY', 'GUILDHALL_MASTER_KEYS_PREVIOUS'];

type Keep = (name: string, text: string) => string;
const inFiles = (keep: Keep, values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, text]) => [`${name}_FILE`, keep(name, text)]));

async function signIn({ server, url }: Stage): Promise<{ person: Client; accessToken: string }> {
  const [ownerUrl = ''] = ownerUrlsOf(server.foundation.ownerUrl);
  const person = await signUpPerson({ url, server, database: { ...Object.create(null), ownerUrl } });
  const { status, body } = await person.call<{ accessToken: string }>('POST', '/v1/auth/tokens');
  expect(status).toBe(201);
  return { person, accessToken: body.accessToken };
}

/** What every installation does. */
async function usualWork(stage: Stage): Promise<Record<string, () => Promise<unknown>>> {
  const { url, key } = stage;
  const { person, accessToken } = await signIn(stage);
  const get = (kind: string, path: string, bearer: string) =>
    expectAnswer(kind, fetch(`${url}${path}`, { headers: { authorization: `Bearer ${bearer}` } }));
  return {
    key: () => get('key', '/v1/keys', key),
    token: () => get('token', '/v1/limits', accessToken),
    // More at once than there are connections to the database, so that new ones are opened.
    burst: () => Promise.all(Array.from({ length: 24 }, () => get('burst', '/v1/usage', key))),
    session: async () => {
      const { status } = await person.call('GET', '/v1/me');
      if (status !== 200) throw new Error(`signed out: ${status}`);
    },
  };
}

function everyRecipe(
  scene: () => { stage: Stage; load: Load; outside: Outside },
  recipes: Readonly<Record<string, Recipe>>,
) {
  const scraper = { token: '' };
  test('each secret of the inventory has a way to change it', async () => {
    const names = (await scene().stage.inventory()).map(({ name }) => name);
    expect(names.sort()).toEqual(Object.keys(recipes).sort());
  });

  test.each(Object.entries(recipes))(
    '%s',
    async (name, rotate) => {
      const { stage, load, outside } = scene();
      const since = async () => (await stage.inventory()).find((one) => one.name === name)?.rotatedAt.getTime() ?? 0;
      const before = await since();
      scraper.token ||= stage.valueOf('METRICS_TOKEN') ?? '';
      await rotate({ stage, outside, load, scraper });
      expect(await since()).toBeGreaterThan(before);
      expect(load.failures).toEqual([]);
      expect(stage.faults).toEqual([]);
      expect(Object.values(outside.refused())).toEqual(Object.values(outside.refused()).map(() => 0));
    },
    ROTATE_MS,
  );

  return scraper;
}

describe('with the embedded database', () => {
  let outside: Outside;
  let stage: Stage;
  let load: Load;
  const scraper = everyRecipe(() => ({ stage, load, outside }), ALONE);

  beforeAll(async () => {
    outside = await startOutside();
    stage = await startStage((keep) => settingsOf(outside, keep));
    load = startLoad({ ...(await usualWork(stage)), ...workOutside(stage, scraper) });
    // Makes the key that signs.
    await load.more(1);
  }, START_MS);
  afterAll(async () => {
    await load.stop();
    await stage.close();
    await outside.close();
  });

  test(
    'a new value that the server concerned refuses is told and not used',
    async () => {
      for (const [name, bad] of [
        ['SMTP_URL', `smtp://me:wrong@127.0.0.1:${outside.mail.port}`],
        ['S3_URL', outside.bucket.url],
        ['REDIS_URL', outside.rates.url('wrong')],
        ['SENTRY_DSN', outside.tracker.url('wrong')],
        ['EGRESS_PROXY_URL', outside.proxy.url('me:wrong')],
        ['OPENAI_API_KEY', 'wrong-key'],
        ['ANTHROPIC_API_KEY', 'wrong-key'],
      ] as const) {
        const before = stage.valueOf(name) ?? '';
        stage.keep(name, bad);
        expect(await stage.look()).toEqual({ renewed: [], failed: [expect.stringMatching(`^${name}: .*refused`)] });
        expect(stage.valueOf(name)).toBe(before);
        stage.keep(name, before);
      }
      await load.more();
      expect(load.failures).toEqual([]);
    },
    ROTATE_MS,
  );

  test(
    'all that was to be mailed arrived, no call was counted by one process alone, and no value was logged',
    async () => {
      await load.stop();
      expect(load.failures).toEqual([]);
      await expect
        .poll(() => outside.mail.mails.length, { timeout: 60_000 })
        .toBeGreaterThanOrEqual(load.done.mail ?? 0);
      expect(stage.faults).toEqual([]);
      const said = JSON.stringify(stage.lines);
      const values = (await stage.inventory())
        .map(({ name }) => stage.valueOf(name))
        .filter((one) => one !== undefined);
      expect(values.filter((value) => said.includes(value))).toEqual([]);
    },
    ROTATE_MS,
  );
});

describe('with a database elsewhere and a master key of the settings', () => {
  let outside: Outside;
  let cluster: TestCluster;
  let stage: Stage;
  let load: Load;
  everyRecipe(() => ({ stage, load, outside }), BESIDE);

  beforeAll(async () => {
    [outside, cluster] = await Promise.all([startOutside(), startCluster({ fsync: false })]);
    const key = (): string => randomBytes(32).toString('base64');
    stage = await startStage((keep) =>
      inFiles(keep, {
        DATABASE_URL: cluster.url(),
        GUILDHALL_MASTER_KEY: key(),
        GUILDHALL_MASTER_KEYS_PREVIOUS: key(),
      }),
    );
    load = startLoad(await usualWork(stage));
    await load.more(1);
  }, START_MS);
  afterAll(async () => {
    await load.stop();
    await stage.close();
    await cluster.close();
    await outside.close();
  });

  test.each([
    ['GUILDHALL_MASTER_KEY', () => randomBytes(32).toString('base64')],
    ['DATABASE_URL', () => cluster.url('template1')],
  ] as const)('%s: one that does not fit what is there is told and not used', async (name, make) => {
    const before = stage.valueOf(name) ?? '';
    stage.keep(name, make());
    expect(await stage.look()).toEqual({ renewed: [], failed: [expect.stringMatching(`^${name}: .*refused`)] });
    expect(stage.valueOf(name)).toBe(before);
    stage.keep(name, before);
  });

  test('its superuser is not the one of this program, which says so', () =>
    expect(stage.cli('secrets', 'rotate', 'superuser')).rejects.toThrow('DATABASE_URL'));
});

test('both together hold every secret there is a setting for', () => {
  const held = new Set([...Object.keys(ALONE), ...Object.keys(BESIDE), ...ELSEWHERE]);
  expect(SETTINGS.filter((one) => 'secret' in one && !held.has(one.name))).toEqual([]);
});

function settingsOf({ openai, anthropic, proxy, tracker, rates, mail, bucket, vault, aws }: Outside, keep: Keep) {
  const [proxyLogin, trackerKey, smtpPassword] = [`me:${word()}`, word(), word()];
  const [openaiKey, anthropicKey] = [word(), word()];
  for (const [door, login] of [
    [proxy.door, proxyLogin],
    [tracker.door, trackerKey],
    [openai.door, openaiKey],
    [anthropic.door, anthropicKey],
  ] as const)
    door.accepted.add(login);
  mail.accepted.clear();
  mail.accepted.add(smtpPassword);
  vault.put('secret/keys', { mistral: word() });
  aws.put('keys', word());
  return {
    ...inFiles(keep, {
      METRICS_TOKEN: word() + word(),
      REDIS_URL: rates.url(rates.password),
      SMTP_URL: `smtp://${smtpPassword}:${smtpPassword}@127.0.0.1:${mail.port}`,
      S3_URL: bucket.url,
      SENTRY_DSN: tracker.url(trackerKey),
      EGRESS_PROXY_URL: proxy.url(proxyLogin),
      OPENAI_API_KEY: openaiKey,
      ANTHROPIC_API_KEY: anthropicKey,
      GOOGLE_API_KEY: word(),
      OPENROUTER_API_KEY: word(),
      VAULT_TOKEN: vault.token,
      VAULT_SECRET_ID: vault.secretId,
      AWS_ACCESS_KEY_ID: aws.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
      AWS_SESSION_TOKEN: word(),
      GOOGLE_SIGN_IN_CLIENT_SECRET: word(),
      GITHUB_SIGN_IN_CLIENT_SECRET: word(),
      OIDC_SIGN_IN_CLIENT_SECRET: word(),
    }),
    OPENAI_BASE_URL: `${openai.url}/v1`,
    ANTHROPIC_BASE_URL: anthropic.url,
    VAULT_ADDR: vault.url,
    MISTRAL_API_KEY: 'vault:secret/keys#mistral',
    AWS_REGION: aws.region,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    NOVITA_API_KEY: 'aws:keys',
  };
}

/** What goes to the servers outside. */
function workOutside(stage: Stage, scraper: { token: string }): Record<string, () => Promise<unknown>> {
  const { url, key, orgId, server } = stage;
  const { db } = server.foundation;
  const { mailQueue, egress, errors } = server.platform;
  scraper.token = stage.valueOf('METRICS_TOKEN') ?? '';
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const post = (kind: string, path: string, body: object) =>
    expectAnswer(kind, fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }));
  const messages = [{ role: 'user', content: 'hi' }];
  return {
    scrape: () => {
      const by = { authorization: `Bearer ${scraper.token}`, 'x-forwarded-for': '203.0.113.7' };
      return expectAnswer('scrape', fetch(`${url}/metrics`, { headers: by }));
    },
    chat: () => post('chat', '/v1/chat/completions', { model: 'openai/gpt-4o-mini', messages, max_tokens: 5 }),
    message: () => post('message', '/v1/messages', { model: 'anthropic/claude-sonnet-4-5', messages, max_tokens: 5 }),
    upload: () => {
      const body = new FormData();
      body.append('file', new Blob([randomBytes(20_000)]), 'a.bin');
      const by = { authorization: `Bearer ${key}` };
      return expectAnswer('upload', fetch(`${url}/v1/files`, { method: 'POST', headers: by, body }), 201);
    },
    mail: () => {
      const mail = { to: 'you@example.com', subject: 'Hello', text: 'A text.', idempotencyKey: word() };
      return db.tenant(orgId, (tx) => mailQueue.enqueue(tx, orgId, mail));
    },
    outside: async () => {
      const answer = await egress.request(PUBLIC);
      await answer.bytes();
      if (answer.status !== 200) throw new Error(`outside: ${answer.status}`);
    },
    report: async () => errors.report(new Error(word())),
  };
}
