import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { createKeyring } from '../crypto/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { createMailQueue, createPostman, type MailMessage, mailErrors, type Postman, pruneMail } from './index.ts';

const keyring = createKeyring({ masterKey: randomBytes(32) });
const queue = createMailQueue({ keyring });
const message: MailMessage = { to: 'you@example.com', subject: 'S', text: 'canary text', idempotencyKey: 'evt_1' };

let made: TestDatabase;
let owner: pg.Client;
const postmen: Postman[] = [];
beforeAll(async () => {
  made = await testDatabase();
  owner = new pg.Client({ connectionString: made.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await made.close();
});
beforeEach(async () => {
  for (const postman of postmen.splice(0)) await postman.stop();
  await owner.query('truncate platform.mail; delete from platform.clock_shift');
});

const pass = (interval: string) =>
  owner
    .query('delete from platform.clock_shift')
    .then(() => owner.query('insert into platform.clock_shift (shift) values ($1)', [interval]));
const enqueue = (more: Partial<MailMessage> = {}) =>
  made.db.tenant('org_a', (tx) => queue.enqueue(tx, 'org_a', { ...message, ...more }));
const states = async () =>
  (await owner.query('select id, state, attempts from platform.mail order by id')).rows.map((row) =>
    Object.values(row).join(' '),
  );
const open = (send: (message: MailMessage) => Promise<void>): Postman => {
  const postman = createPostman({ db: made.db, keyring, mail: { send }, log: silentLogger });
  postmen.push(postman);
  return postman;
};

test('a mail is sent once after its commit, whole, however often it was written and whoever looks', async () => {
  const sent: MailMessage[] = [];
  const gate = Promise.withResolvers<void>();
  const send = async (mail: MailMessage) => {
    sent.push(mail);
    await gate.promise;
  };
  const [one, two] = [open(send), open(send)];
  await enqueue();
  await enqueue({ subject: 'another text under the same key' });
  await enqueue({ idempotencyKey: 'evt_2', html: '<p></p>' });
  const first = one.drain();
  await expect.poll(() => sent.length).toBe(2);
  expect(await two.drain()).toBe(0);
  gate.resolve();
  expect(await first).toBe(2);
  expect(sent.sort((a, b) => (a.idempotencyKey < b.idempotencyKey ? -1 : 1))).toEqual([
    message,
    { ...message, idempotencyKey: 'evt_2', html: '<p></p>' },
  ]);
  expect(await states()).toEqual(['evt_1 sent 1', 'evt_2 sent 1']);
});

test('what is rolled back is never sent', async () => {
  const postman = open(async () => {});
  const failing = made.db.tenant('org_a', async (tx) => {
    await queue.enqueue(tx, 'org_a', message);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await postman.drain()).toBe(0);
});

test('address and content lie sealed', async () => {
  await enqueue();
  const { rows } = await owner.query('select * from platform.mail');
  expect(JSON.stringify(rows)).not.toContain('you@');
  expect(rows[0].sealed.toString('latin1')).not.toContain('canary');
});

test('a server that is away is tried again by the schedule, and given up after a day and a half', async () => {
  const postman = open(async () => {
    throw new GuildhallError(mailErrors.unavailable);
  });
  await enqueue();
  expect([await postman.drain(), await postman.drain()]).toEqual([1, 0]);
  await pass('59 seconds');
  expect(await postman.drain()).toBe(0);
  await pass('61 seconds');
  expect(await postman.drain()).toBe(1);
  expect(await states()).toEqual(['evt_1 pending 2']);
  for (let day = 1; day <= 6; day += 1) {
    await pass(`${day} days`);
    await postman.drain();
  }
  expect(await states()).toEqual(['evt_1 failed 8']);
});

test('a mail that is refused for good is not tried again', async () => {
  const postman = open(async () => {
    throw new GuildhallError(mailErrors.refused);
  });
  await enqueue();
  await postman.drain();
  expect(await states()).toEqual(['evt_1 failed 1']);
});

test('what a sender that died had claimed is sent by another, and a late outcome changes nothing', async () => {
  const late = Promise.withResolvers<void>();
  const stuck = open(() => late.promise);
  await enqueue();
  const first = stuck.drain();
  await expect.poll(async () => (await states())[0]).toBe('evt_1 pending 1');
  await pass('3 minutes');
  const gate = Promise.withResolvers<void>();
  const second = open(() => gate.promise).drain();
  await expect.poll(async () => (await states())[0]).toBe('evt_1 pending 2');
  late.reject(new GuildhallError(mailErrors.refused));
  await first;
  expect(await states()).toEqual(['evt_1 pending 2']);
  gate.resolve();
  await second;
  expect(await states()).toEqual(['evt_1 sent 2']);
});

test('mails that are done are forgotten after a month, and none that waits', async () => {
  await enqueue();
  await open(async () => {}).drain();
  await enqueue({ idempotencyKey: 'evt_2' });
  await pass('31 days');
  expect(await pruneMail(made.db)).toBe(1);
  expect(await states()).toEqual(['evt_2 pending 0']);
});
