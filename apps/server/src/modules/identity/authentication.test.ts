import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createKeyring } from '../../platform/crypto/index.ts';
import { authErrors } from './errors.ts';
import { type Fixture, identityFixture, MASTER_KEY, MINUTE_MS } from './fixture.ts';
import { mintKey } from './key-format.ts';
import type { Actor } from './types.ts';

let fixture: Fixture;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  fixture = await identityFixture();
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await fixture.close();
});

/** A process that remembers keys, as a serving one does. */
async function startedProcess() {
  const identity = fixture.another();
  stops.push(await identity.start());
  return identity;
}

const invalid = expect.objectContaining({ spec: authErrors.invalidKey });
const system = (orgId: string): Actor => ({ type: 'system', orgId, name: 'test' });
const revoke = (orgId: string, id: string) =>
  fixture.database.db.tenant(orgId, (tx) => fixture.identity.revokeKey(tx, system(orgId), id));

test('a good key gives its organisation, mode and scopes', async () => {
  const { organisation, key, secret } = await fixture.organisation();
  expect(await fixture.identity.authenticate(secret)).toEqual({
    orgId: organisation.id,
    keyId: key.id,
    mode: 'live',
    scopes: key.scopes,
  });
});

test('a malformed key never reaches the database', async () => {
  const { secret } = await fixture.organisation();
  const asked = vi.spyOn(fixture.database.db, 'system');
  const changed = `${secret.slice(0, 20)}${secret.charAt(20) === 'a' ? 'b' : 'a'}${secret.slice(21)}`;
  await expect(fixture.identity.authenticate(changed)).rejects.toEqual(invalid);
  expect(asked).not.toHaveBeenCalled();
});

test('malformed, unknown, expired and revoked keys are refused in the very same words', async () => {
  const { organisation } = await fixture.organisation();
  const make = (name: string, expiresAt?: Date) =>
    fixture.database.db.tenant(organisation.id, (tx) =>
      fixture.identity.createKey(tx, system(organisation.id), { name, mode: 'live', scopes: ['runs:read'], expiresAt }),
    );
  const expired = await make('expired', new Date(Date.now() + MINUTE_MS));
  const revoked = await make('revoked');
  await revoke(organisation.id, revoked.key.id);
  await fixture.advance(2 * MINUTE_MS);
  const answers = await Promise.all(
    ['gld_live_x', mintKey('live', randomBytes), expired.secret, revoked.secret].map((presented) =>
      fixture.identity.authenticate(presented).then(
        () => 'accepted',
        (error: unknown) => error,
      ),
    ),
  );
  expect(answers[0]).toEqual(invalid);
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test('a remembered key is not looked up again, and a burst of one new key is looked up once', async () => {
  const { secret } = await fixture.organisation();
  const identity = await startedProcess();
  const lookedUp = vi.spyOn(fixture.keyring, 'macs');
  await Promise.all(Array.from({ length: 50 }, () => identity.authenticate(secret)));
  await identity.authenticate(secret);
  expect(lookedUp).toHaveBeenCalledTimes(1);
});

test('a process that does not hear announcements remembers nothing', async () => {
  const { organisation, key, secret } = await fixture.organisation();
  await fixture.identity.authenticate(secret);
  await revoke(organisation.id, key.id);
  await expect(fixture.identity.authenticate(secret)).rejects.toEqual(invalid);
});

test('a key revoked in one process is refused by the others within a second', async () => {
  const { organisation, key, secret } = await fixture.organisation();
  const others = [await startedProcess(), await startedProcess()];
  for (const other of others) await other.authenticate(secret);
  const revokedMs = performance.now();
  await revoke(organisation.id, key.id);
  for (const other of others) {
    await vi.waitFor(() => expect(other.authenticate(secret)).rejects.toEqual(invalid), {
      timeout: 1_000,
      interval: 2,
    });
  }
  expect(performance.now() - revokedMs).toBeLessThan(1_000);
});

test('a revocation forgets the one key and keeps the rest', async () => {
  const [one, two] = [await fixture.organisation(), await fixture.organisation()];
  const identity = await startedProcess();
  await identity.authenticate(one.secret);
  await identity.authenticate(two.secret);
  await revoke(one.organisation.id, one.key.id);
  await vi.waitFor(() => expect(identity.authenticate(one.secret)).rejects.toEqual(invalid), { interval: 2 });
  const lookedUp = vi.spyOn(fixture.keyring, 'macs');
  await identity.authenticate(two.secret);
  expect(lookedUp).not.toHaveBeenCalled();
});

test('a look-up that was under way when its key was revoked is not remembered', async () => {
  const { organisation, key, secret } = await fixture.organisation();
  const { db } = fixture.database;
  const { listen, system: ask } = db;
  const announced = Promise.withResolvers<void>();
  vi.spyOn(db, 'listen').mockImplementationOnce((channels, onMessage, onGap) =>
    listen(
      channels,
      (channel, payload) => {
        onMessage(channel, payload);
        announced.resolve();
      },
      onGap,
    ),
  );
  const identity = await startedProcess();
  const answered = Promise.withResolvers<void>();
  const heldBack = Promise.withResolvers<void>();
  // The database has answered "good", but the answer is still on its way.
  vi.spyOn(db, 'system').mockImplementationOnce(async (work) => {
    const answer = await ask(work);
    answered.resolve();
    await heldBack.promise;
    return answer;
  });
  const early = identity.authenticate(secret);
  await answered.promise;
  await revoke(organisation.id, key.id);
  await announced.promise;
  await expect(identity.authenticate(secret)).rejects.toEqual(invalid);
  heldBack.resolve();
  await early;
  await expect(identity.authenticate(secret)).rejects.toEqual(invalid);
});

test('a process that was cut off from announcements forgets every key when it hears again', async () => {
  const { secret } = await fixture.organisation();
  const identity = await startedProcess();
  await identity.authenticate(secret);
  const lookedUp = vi.spyOn(fixture.keyring, 'macs');
  await fixture.asOwner(
    `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and datname = current_database()`,
  );
  await vi.waitFor(
    async () => {
      await identity.authenticate(secret);
      expect(lookedUp).toHaveBeenCalled();
    },
    { timeout: 5_000, interval: 10 },
  );
});

test('a remembered key dies at its expiry, not at the end of the memory', async () => {
  const { organisation } = await fixture.organisation();
  const { secret } = await fixture.database.db.tenant(organisation.id, (tx) =>
    fixture.identity.createKey(tx, system(organisation.id), {
      name: 'short',
      mode: 'test',
      scopes: ['runs:read'],
      expiresAt: new Date(Date.now() + 5_000),
    }),
  );
  const identity = await startedProcess();
  await identity.authenticate(secret);
  await fixture.advance(5_000);
  await expect(identity.authenticate(secret)).rejects.toEqual(invalid);
});

test('a key is marked as used, at most once a minute however many processes see it', async () => {
  const { organisation, key, secret } = await fixture.organisation();
  const processes = [await startedProcess(), await startedProcess()];
  const lastUsedAfterUseIn = async (...users: typeof processes) => {
    for (const identity of users) {
      await identity.authenticate(secret);
      await identity.flushUsed();
    }
    const { db } = fixture.database;
    const found = await db.tenant(organisation.id, (tx) =>
      fixture.identity.getKey(tx, system(organisation.id), key.id),
    );
    return found.lastUsedAt;
  };
  expect(key.lastUsedAt).toBeUndefined();
  const first = await lastUsedAfterUseIn(...processes.slice(0, 1));
  expect(first).toBeInstanceOf(Date);
  await fixture.advance(30_000);
  expect(await lastUsedAfterUseIn(...processes)).toEqual(first);
  await fixture.advance(31_000);
  const later = await lastUsedAfterUseIn(...processes);
  expect(Number(later) - Number(first)).toBeGreaterThanOrEqual(MINUTE_MS);
});

test('keys outlive a change of the master key while the former one is known', async () => {
  const { secret } = await fixture.organisation();
  const next = createKeyring({ masterKey: Buffer.alloc(32, 8), previousKeys: [MASTER_KEY] });
  const macs = vi.spyOn(fixture.keyring, 'macs').mockImplementation(next.macs);
  const mac = vi.spyOn(fixture.keyring, 'mac').mockImplementation(next.mac);
  await expect(fixture.identity.authenticate(secret)).resolves.toBeDefined();
  const forgetful = createKeyring({ masterKey: Buffer.alloc(32, 8) });
  macs.mockImplementation(forgetful.macs);
  mac.mockImplementation(forgetful.mac);
  await expect(fixture.another().authenticate(secret)).rejects.toEqual(invalid);
});
