/** What a deleted organisation had set up for its people to come in by is not there, until it is brought back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../harness/people.ts';
import { createSamlBrowser } from '../harness/saml-browser.ts';
import { createSamlIdp } from '../harness/saml-idp.ts';
import { addApp } from './factors-fixture.ts';
import { connected, fresh } from './federation-connected.ts';
import { comeBack, depart, federationGround, type Ground } from './federation-fixture.ts';
import { codeOf } from './members-fixture.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await federationGround();
}, 60_000);
afterAll(() => ground.close());

it('a deleted organisation has no connection, no domain, no directory, and asks nobody to come through it', async () => {
  const { platform, other } = ground;
  const { owner, connectionId } = await connected(ground);
  const { orgId, email, password } = owner;
  await addApp(owner);
  const idp = createSamlIdp(fresh('saml'));
  const saml = await owner.call<{ id: string }>('POST', '/v1/organisation/sso/saml', {
    name: 'SAML',
    entityId: idp.entityId,
    ssoUrl: idp.ssoUrl,
    certificates: [idp.certificate],
  });
  const token = await owner.call<{ secret: string }>('POST', '/v1/organisation/scim-tokens', { name: 'D' });
  expect([saml.status, token.status]).toEqual([201, 201]);
  expect((await owner.call('PUT', '/v1/organisation/sso', { required: true })).status).toBe(200);

  const browser = createClient(platform);
  const samlBrowser = createSamlBrowser(platform);
  const metadata = async () => (await fetch(`${platform.url}/auth/saml/${saml.body.id}/metadata`)).status;
  const answers = async () => [
    codeOf(await browser.call('POST', `/v1/auth/federation/${connectionId}`, {})),
    codeOf(await browser.call('POST', '/v1/auth/sso', { email })),
    codeOf(await browser.call('POST', '/v1/auth/saml/start', { connectionId: saml.body.id })),
    await metadata(),
    (await platform.call('GET', '/scim/v2/Users', undefined, { key: token.body.secret })).status,
  ];
  const there = [[200, undefined], [200, undefined], [200, undefined], 200, 200];
  expect(await answers()).toEqual(there);

  // On their way out when it was deleted.
  other.person = { sub: fresh('sub'), email };
  const [oidcBrowser, begun] = [createClient(platform), await samlBrowser.begin(saml.body.id)];
  const away = await depart(oidcBrowser, connectionId);
  expect((await owner.call('DELETE', `/v1/me/organisations/${orgId}`)).status).toBe(200);
  const missing = [
    [404, 'federation.unknown-provider'],
    [404, 'federation.no-connection'],
    [404, 'saml.not-found'],
    404,
    401,
  ];
  expect(await answers()).toEqual(missing);
  expect((await comeBack(oidcBrowser, await other.authorize(away))).code).toBe('federation.unknown-provider');
  const answer = await samlBrowser.post(begun, idp.respond({ ...begun, subject: email }));
  expect([answer.status, answer.headers.getSetCookie().filter((line) => line.startsWith('__Host-guildhall='))]).toEqual(
    [404, []],
  );
  // No break-glass is needed where nothing is asked.
  const told = async () =>
    (await ground.owner.query(`select from audit.event where org_id = $1 and action = 'sso.break-glass'`, [orgId]))
      .rowCount;
  expect((await browser.call('POST', '/v1/auth/sign-in', { email, password })).status).toBe(200);
  expect(await told()).toBe(0);

  expect((await owner.call('POST', `/v1/me/organisations/${orgId}/restore`)).status).toBeLessThan(300);
  expect(await answers()).toEqual(there);
  expect((await browser.call('POST', '/v1/auth/sign-in', { email, password })).status).toBe(200);
  expect(await told()).toBe(1);
}, 60_000);
