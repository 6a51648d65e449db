/** The counter of a passkey where it is kept. The library looks at it before, so this is asked without it. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, identityFixture } from '../fixture.ts';
import { type Someone, someone } from './fixture.ts';
import { insertPasskey, usePasskey } from './store.ts';

let fixture: Fixture;
let ada: Someone;
let made = 0;
beforeAll(async () => {
  fixture = await identityFixture();
  ada = await someone(fixture);
});
afterAll(() => fixture.close());

/** A passkey that has counted so far. */
async function passkey(counter: number): Promise<string> {
  made += 1;
  const id = `fac_${String(made).padStart(26, '0')}`;
  const row = { personId: ada.personId, name: 'Key', credentialId: randomBytes(32), publicKey: randomBytes(77) };
  await fixture.database.db.tenant(ada.personId, (tx) => insertPasskey(tx, { ...row, id, counter, transports: [] }));
  return id;
}
const use = (id: string, counter: number): Promise<boolean> =>
  fixture.database.db.tenant(ada.personId, (tx) => usePasskey(tx, id, counter));
const countOf = async (id: string): Promise<unknown> =>
  (await fixture.asOwner('select counter::float8 as counter, used_at from identity.factor where id = $1', [id]))[0];

describe('a passkey', () => {
  const MOST = 2 ** 32 - 1;
  it.each([
    [0, 0, true],
    [0, 1, true],
    [5, 6, true],
    [5, MOST, true],
    [5, 5, false],
    [5, 4, false],
    [5, 0, false],
    [1, 0, false],
    [MOST, MOST, false],
  ])('that stands at %i and says %i is taken: %s', async (stored, said, isTaken) => {
    const id = await passkey(stored);
    expect(await use(id, said)).toBe(isTaken);
    expect(await countOf(id)).toEqual({ counter: isTaken ? said : stored, used_at: isTaken ? expect.any(Date) : null });
  });

  it('and nineteen copies of it that say the same at once: one is taken', async () => {
    const id = await passkey(7);
    const taken = await Promise.all(Array.from({ length: 20 }, () => use(id, 8)));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  it('of somebody else is not there', async () => {
    const id = await passkey(7);
    const eve = await someone(fixture, 'eve@example.com');
    expect(await fixture.database.db.tenant(eve.personId, (tx) => usePasskey(tx, id, 8))).toBe(false);
  });
});
