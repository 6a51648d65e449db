import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { expect, test } from 'vitest';
import { createPasswords } from './password.ts';

const passwords = createPasswords(randomBytes);
const LONG = 'x'.repeat(72);

test('AUTH-02: a password is stored as Argon2id with 19 MiB and two passes, each time with another salt', async () => {
  const [first, second] = [await passwords.hash('secret'), await passwords.hash('secret')];
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(first).not.toBe(second);
  expect(passwords.isOutdated(first)).toBe(false);
  expect([await passwords.verify(first, 'secret'), await passwords.verify(first, 'Secret')]).toEqual([true, false]);
});

test('AUTH-03: passwords that differ in byte 73 and beyond are different', async () => {
  const stored = await passwords.hash(`${LONG}a`);
  expect([await passwords.verify(stored, `${LONG}a`), await passwords.verify(stored, `${LONG}b`)]).toEqual([
    true,
    false,
  ]);
  const emoji = await passwords.hash('🦊'.repeat(64));
  expect([await passwords.verify(emoji, '🦊'.repeat(64)), await passwords.verify(emoji, '🦊'.repeat(63))]).toEqual([
    true,
    false,
  ]);
});

test.each(['2a', '2b', '2y'] as const)(
  'AUTH-02: an imported $%s$ hash fits, and is known to be outdated',
  async (version) => {
    const stored = (await bcrypt('old secret', { cost: 4 })).replace(/^\$2[aby]\$/, `$${version}$`);
    expect([await passwords.verify(stored, 'old secret'), await passwords.verify(stored, 'other')]).toEqual([
      true,
      false,
    ]);
    expect(passwords.isOutdated(stored)).toBe(true);
  },
);

test('weaker parameters are known to be outdated', () => {
  expect(passwords.isOutdated('$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaA')).toBe(true);
  expect(passwords.isOutdated('$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA')).toBe(true);
});

test('nothing fits where there is no hash', async () => {
  expect(await passwords.verify(undefined, 'secret')).toBe(false);
  expect(await passwords.verify(undefined, '')).toBe(false);
});

test('AUTH-02: comparing does not hold up the event loop', async () => {
  const stored = await passwords.hash('secret');
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await Promise.all(Array.from({ length: 20 }, () => passwords.verify(stored, 'secret')));
  delay.disable();
  // One comparison takes some 15 ms of a core; twenty in the loop itself would stall it for 300.
  expect(delay.max / 1e6).toBeLessThan(250);
});
