/** AUTH-08: what a provider, or who says to be one, cannot get past. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../harness/people.ts';
import { comeBack, depart, federationGround, type Ground, signInThrough } from './federation-fixture.ts';
import { FORGED_SIGN_INS } from './forged-sign-ins.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await federationGround();
  // The victim: known here by the very identity that is forged.
  ground.idp.person = { sub: 'victim', email: 'victim@example.com', email_verified: true };
  ground.github.person = { id: 1, login: 'victim' };
  expect((await signInThrough(ground, ground.idp)).status).toBe(303);
}, 60_000);
afterAll(() => ground.close());

const sessions = async (): Promise<number> =>
  Number((await ground.owner.query('select count(*)::int as n from identity.session')).rows[0]?.n);

describe('AUTH-08: a sign-in that was forged', () => {
  it('is one of fifty and more', () => {
    expect(Object.keys(FORGED_SIGN_INS).length).toBeGreaterThanOrEqual(50);
  });

  it.each(Object.entries(FORGED_SIGN_INS))('lets nobody in: %s', async (_, forgery) => {
    const before = await sessions();
    const [browser, stranger] = [createClient(ground.platform), createClient(ground.platform)];
    const scene = {
      ...ground,
      browser,
      stranger,
      depart: (from = browser, provider = 'oidc') => depart(from, provider),
      comeBack,
    };
    // Metadata is remembered: what a provider says of itself is forged from the start.
    ground.platform.server.platform.identity.federation.forget();
    try {
      const answers = await forgery(scene).catch((error: Error) => [{ status: 502, code: error.message }]);
      expect(answers.length).toBeGreaterThan(0);
      for (const { status, code } of answers) expect([400, 401, 404, 422, 502], code).toContain(status);
    } finally {
      ground.idp.bend = {};
    }
    expect(await sessions()).toBe(before);
    for (const one of [browser, stranger]) expect(one.cookies.has('__Host-guildhall')).toBe(false);
  });

  it('stands beside honest ones, which all come in', async () => {
    ground.platform.server.platform.identity.federation.forget();
    for (let i = 0; i < 20; i += 1) expect((await signInThrough(ground, ground.idp)).status).toBe(303);
  });

  it('tells its reason to the log alone', async () => {
    ground.idp.bend.claims = (claims) => ({ ...claims, nonce: 'another' });
    const { code, detail } = await signInThrough(ground, ground.idp);
    ground.idp.bend = {};
    expect(code).toBe('federation.refused');
    expect(detail).not.toMatch(/nonce|claim|JWT/i);
  });
});
