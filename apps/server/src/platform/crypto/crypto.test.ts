import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { GuildhallError } from '../errors/index.ts';
import { makeNonce } from './envelope.ts';
import { createKeyring, createTokenSigner, type Place, Secret } from './index.ts';

const place: Place = { orgId: 'org_a', table: 'provider_key', column: 'secret', rowId: 'row_1' };
const keyring = createKeyring({ masterKey: randomBytes(32) });

const unreadable = (work: () => unknown): void => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(GuildhallError);
    expect(error).toMatchObject({ spec: { code: 'crypto.unreadable' } });
    return;
  }
  expect.unreachable('it was read');
};

describe('envelope encryption', () => {
  test('a sealed value comes back at its own place, also when it is empty', () => {
    for (const plain of ['sk-very-secret', '', 'مفتاح', 'x'.repeat(100_000)]) {
      expect(keyring.decrypt(place, keyring.encrypt(place, plain)).toString('utf8')).toBe(plain);
    }
  });

  test.each([
    ['another organisation', { ...place, orgId: 'org_b' }],
    ['another table', { ...place, table: 'endpoint' }],
    ['another column', { ...place, column: 'note' }],
    ['another row', { ...place, rowId: 'row_2' }],
    ['parts cut at another point', { ...place, table: 'provider_keys', column: 'ecret' }],
  ])('a value moved to %s cannot be read', (_, other) => {
    const sealed = keyring.encrypt(place, 'secret');
    unreadable(() => keyring.decrypt(other, sealed));
  });

  test('no two places read the same, however their parts are cut', () => {
    const left = { ...place, column: 'a\0\0\0\0b', rowId: 'c' };
    const right = { ...place, column: 'a', rowId: 'b\0\0\0\0c' };
    unreadable(() => keyring.decrypt(right, keyring.encrypt(left, 'secret')));
  });

  test('every single flipped bit makes a value unreadable', () => {
    const sealed = keyring.encrypt(place, 'secret');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      unreadable(() => keyring.decrypt(place, changed));
    }
  });

  test('a cut or empty envelope is refused', () => {
    const sealed = keyring.encrypt(place, 'secret');
    for (let length = 0; length < sealed.length; length += 1)
      unreadable(() => keyring.decrypt(place, sealed.subarray(0, length)));
  });

  test('the ciphertext does not hold the value, and equal values never look equal', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 2_000; i += 1) seen.add(keyring.encrypt(place, 'secret').subarray(9, 21).toString('hex'));
    expect(seen.size).toBe(2_000);
    expect(keyring.encrypt(place, 'secret').includes('secret')).toBe(false);
  });

  test('a million nonces of 96 bits are all different', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 1_000_000; i += 1) seen.add(makeNonce().toString('latin1'));
    expect(seen.size).toBe(1_000_000);
    expect(makeNonce()).toHaveLength(12);
  });
});

describe('rotation', () => {
  const old = randomBytes(32);
  const before = createKeyring({ masterKey: old });
  const after = createKeyring({ masterKey: randomBytes(32), previousKeys: [old] });

  test('a value sealed under the old master key stays readable and can be rewrapped, which the old key cannot read', () => {
    const sealed = before.encrypt(place, 'secret');
    expect(after.isCurrent(sealed)).toBe(false);
    expect(after.decrypt(place, sealed).toString()).toBe('secret');
    const moved = after.rewrap(place, sealed);
    expect(after.isCurrent(moved)).toBe(true);
    expect(after.decrypt(place, moved).toString()).toBe('secret');
    unreadable(() => before.decrypt(place, moved));
    unreadable(() => after.rewrap({ ...place, rowId: 'row_2' }, sealed));
  });

  test('rewrapping a current value changes nothing', () => {
    const sealed = after.encrypt(place, 'secret');
    expect(after.rewrap(place, sealed).equals(sealed)).toBe(true);
  });

  test('a mac of the old key still verifies and can be looked for', () => {
    const mac = before.mac('api-keys', 'gld_live_x');
    expect(after.verifyMac('api-keys', 'gld_live_x', mac)).toBe(true);
    expect(after.macs('api-keys', 'gld_live_x').map((known) => known.equals(mac))).toEqual([false, true]);
  });
});

describe('keyed hashes', () => {
  test('a mac holds for its purpose and message alone', () => {
    const mac = keyring.mac('api-keys', 'message');
    expect(keyring.verifyMac('api-keys', 'message', mac)).toBe(true);
    expect(keyring.verifyMac('signed-links', 'message', mac)).toBe(false);
    expect(keyring.verifyMac('api-keys', 'messagf', mac)).toBe(false);
    expect(keyring.verifyMac('api-keys', 'message', mac.subarray(1))).toBe(false);
    expect(keyring.verifyMac('api-keys', 'message', Buffer.alloc(0))).toBe(false);
  });

  test('keys are derived by HKDF-SHA-256, so that another program could make the same ones', () => {
    const master = randomBytes(32);
    const ring = createKeyring({ masterKey: master });
    const key = Buffer.from(hkdfSync('sha256', master, 'guildhall/v1', 'mac:api-keys', 32));
    expect(ring.mac('api-keys', 'm').equals(createHmac('sha256', key).update('m').digest())).toBe(true);
    expect(ring.derive('db-role:guildhall_app').equals(ring.derive('db-role:guildhall_system'))).toBe(false);
    expect(ring.derive('a', 24)).toHaveLength(24);
  });

  test('a master key of another size is refused', () => {
    expect(() => createKeyring({ masterKey: randomBytes(31) })).toThrow('32 bytes');
  });
});

describe('signed tokens', () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const links = createTokenSigner(keyring, 'signed-links', clock);
  const expiresAt = new Date(nowMs + 60_000);

  test('a token gives back its payload until the instant it expires', () => {
    const token = links.sign({ file: 'file_1' }, expiresAt);
    expect(links.verify(token)).toEqual({ ok: true, payload: { file: 'file_1' } });
    nowMs += 59_999;
    expect(links.verify(token).ok).toBe(true);
    nowMs += 1;
    expect(links.verify(token)).toEqual({ ok: false, reason: 'expired' });
    nowMs -= 60_000;
  });

  test('any changed character, another purpose or another key make a token worthless', () => {
    const token = links.sign({ file: 'file_1' }, expiresAt);
    for (let i = 0; i < token.length; i += 1) {
      const changed = `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`;
      expect(links.verify(changed)).toEqual({ ok: false, reason: 'forged' });
    }
    expect(createTokenSigner(keyring, 'admin-links', clock).verify(token).ok).toBe(false);
    expect(
      createTokenSigner(createKeyring({ masterKey: randomBytes(32) }), 'signed-links', clock).verify(token).ok,
    ).toBe(false);
    for (const junk of ['', '.', 'a.b', `${token}.x`, `${token} `, `${token}=`, 'x'.repeat(100_000)])
      expect(links.verify(junk).ok).toBe(false);
  });
});

describe('Secret', () => {
  test('prints as stars wherever it becomes text', () => {
    const secret = new Secret('hunter2');
    const shown = [
      `${secret}`,
      String(secret),
      secret.toString(),
      ['', secret].join(''),
      JSON.stringify({ secret }),
      inspect({ secret }),
      inspect(secret, { showHidden: true }),
    ];
    for (const text of shown) {
      expect(text).not.toContain('hunter2');
      expect(text).toContain('****');
    }
    expect(secret.reveal()).toBe('hunter2');
  });
});
