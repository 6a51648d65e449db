/** The other ways in than a password, in a browser: passkeys, accounts elsewhere, the provider of an organisation. */
import pg from 'pg';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults, fits, PHONE, startBrowser, visit, visitIn } from '../harness/browser.ts';
import { type IdentityProvider, startIdentityProvider } from '../harness/identity-provider/index.ts';
import { signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
let idp: IdentityProvider;
let browser: Browser;
let owner: pg.Client;
beforeAll(async () => {
  idp = await startIdentityProvider();
  platform = await testPlatform({
    agents: asAgents(),
    role: 'api',
    environment: {
      // Browsers give passkeys to names alone.
      HOST: 'localhost',
      EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
      OIDC_SIGN_IN_NAME: 'Example <Login>',
      OIDC_SIGN_IN_ISSUER: idp.issuer,
      OIDC_SIGN_IN_CLIENT_ID: idp.clientId,
      OIDC_SIGN_IN_CLIENT_SECRET: idp.clientSecret,
    },
  });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  browser = await startBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await owner?.end();
  await platform?.close();
  await idp?.close();
});

/** A phone with a fingerprint of its owner. */
async function phone(): Promise<{ context: BrowserContext; page: Page; errors: readonly string[] }> {
  const context = await browser.newContext(PHONE);
  const { page, errors } = await visitIn(context, `${platform.url}/auth/sign-in?lang=en`);
  const device = await context.newCDPSession(page);
  await device.send('WebAuthn.enable');
  await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { context, page, errors };
}

async function signIn(page: Page, { email, password }: TestPerson): Promise<void> {
  await page.goto(`${platform.url}/auth/sign-in?lang=en`);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Whoever is sent to the provider from this page says yes there. */
const agree = (page: Page) =>
  page.route(`${idp.issuer}/authorize**`, async (route) => {
    const back = await idp.authorize(route.request().url());
    await route.fulfill({ status: 302, headers: { location: back.href } });
  });

const account = (page: Page) => page.waitForURL('**/auth/account?lang=en');
const signOut = async (page: Page) => {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/auth/sign-in?lang=en');
};

// A process remembers a session for ten seconds at most.
const SOON = { timeout: 15_000, interval: 200 };
/** Asks, as a page of ours would, for something that needs a fresh factor. */
const renewCodes = (page: Page) =>
  page.request.post(`${platform.url}/v1/me/recovery-codes`, {
    headers: { origin: platform.url, 'guildhall-request': '1' },
  });

describe('a passkey', () => {
  it('is added under a name, signs in alone and as second factor, is shown again for what asks for that, and is removed', async () => {
    const ada = await signUpPerson(platform);
    const { context, page, errors } = await phone();
    await signIn(page, ada);
    await account(page);
    await page.getByLabel('Name of the new passkey').fill('Phone of Ada');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByText('Keep these recovery codes').waitFor();
    await page.locator('#factors').getByText('Phone of Ada').waitFor();
    expect(await faults(page)).toEqual([]);
    expect(await fits(page)).toBe(true);
    await signOut(page);

    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await account(page);
    await page.locator('#who').getByText(ada.email).waitFor();
    await signOut(page);

    await signIn(page, ada);
    await page.waitForURL('**/auth/second-factor?lang=en');
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await account(page);
    await page.locator('#factors').getByText('Phone of Ada').waitFor();

    await owner.query(
      "update identity.session set authenticated_at = authenticated_at - interval '11 minutes' where person_id = $1",
      [ada.personId],
    );
    await expect.poll(async () => (await renewCodes(page)).status(), SOON).toBe(401);
    const remove = page.locator('#factors').getByRole('button', { name: 'Remove' });
    await remove.click();
    await page.locator('#again').getByRole('button', { name: 'Use a passkey' }).waitFor();
    expect(await page.locator('#again [name=password]').isVisible()).toBe(false);
    expect(await faults(page)).toEqual([]);
    await page.locator('#again').getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByText('None yet.').waitFor();
    await signOut(page);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.locator('#status.bad').waitFor();
    expect(errors).toEqual([]);
    await context.close();
  }, 120_000);

  it('that nobody gives is said, and the password goes on', async () => {
    const context = await browser.newContext(PHONE);
    const { page } = await visitIn(context, `${platform.url}/auth/sign-in?lang=ar`);
    await page.evaluate("navigator.credentials.get = () => Promise.reject(new DOMException('', 'NotAllowedError'))");
    await page.locator('#passkey').click();
    await page.getByText('لم يُقدَّم مفتاح مرور').waitFor();
    expect(await page.locator('#form button').isEnabled()).toBe(true);
    await context.close();
  });
});

describe('an account elsewhere', () => {
  it('signs in by a button with the name that the operator gave it, and shows among the linked ones', async () => {
    idp.person = { sub: 'grace', email: 'grace@example.com', email_verified: true, name: 'Grace' };
    const { page, errors } = await visit(browser, `${platform.url}/auth/sign-in?lang=en`);
    await agree(page);
    await page.getByRole('button', { name: 'Sign in with Example <Login>' }).click();
    await account(page);
    await page.locator('#links').getByText('grace@example.com').waitFor();
    expect(await faults(page)).toEqual([]);
    await page.locator('#links').getByRole('button', { name: 'Unlink' }).click();
    await page.getByText('Without this account you could not sign in').waitFor();
    expect(errors).toEqual([]);
    await page.context().close();
  }, 60_000);

  it('is linked and unlinked by who has a password', async () => {
    const ada = await signUpPerson(platform);
    idp.person = { sub: 'ada', email: 'ada-elsewhere@example.com', email_verified: true, name: 'Ada' };
    const { page } = await visit(browser, `${platform.url}/auth/sign-in?lang=en`);
    await agree(page);
    await signIn(page, ada);
    await account(page);
    await page.getByRole('button', { name: 'Link Example <Login>' }).click();
    await page.locator('#links').getByText('ada-elsewhere@example.com').waitFor();
    await page.locator('#links').getByRole('button', { name: 'Unlink' }).click();
    await page.getByText('None is linked yet').waitFor();
    await page.context().close();
  }, 60_000);
});

describe('the provider of an organisation', () => {
  it('is looked for by the address, and who has none is told so', async () => {
    const { page } = await visit(browser, `${platform.url}/auth/sign-in?lang=en`);
    await page.getByText('Single sign-on of your organisation').click();
    await page.getByLabel('Your address at the organisation').fill('ada@nowhere.example');
    expect(await faults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('There is no single sign-on for this address').waitFor();
    await page.context().close();
  });
});

describe('a sign-in that another site sends back and that fails', () => {
  it('is told on a page in the language of the browser, with what to do, the request id, and the way back', async () => {
    idp.person = { sub: 'eve', email: 'eve@example.com', email_verified: false, name: 'Eve' };
    for (const [locale, direction, says, link] of [
      ['en', 'ltr', 'The provider does not say that your address is verified.', 'Sign in'],
      ['ar', 'rtl', 'لا يقول المزوّد إن عنوانك مؤكَّد.', 'تسجيل الدخول'],
    ] as const) {
      const { page, errors } = await visit(browser, `${platform.url}/auth/sign-in`, { ...PHONE, locale });
      await agree(page);
      const [answer] = await Promise.all([
        page.waitForResponse(/\/auth\/callback\/oidc\?/),
        page.locator('#providers button').click(),
      ]);
      expect([answer.status(), answer.headers()['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
      await page.getByText(says).waitFor();
      expect(await page.locator('html').getAttribute('dir')).toBe(direction);
      expect(await page.locator('code').textContent()).toBe(answer.headers()['x-request-id']);
      expect([await faults(page), await fits(page), errors]).toEqual([[], true, []]);
      await page.getByRole('link', { name: link }).click();
      await page.waitForURL(`**/auth/sign-in?lang=${locale}`);
      await page.context().close();
    }
  }, 60_000);

  it.each([
    ['GET', '/auth/callback/oidc?state=unknown', 400, 'federation.invalid-flow'],
    ['GET', '/auth/callback/oidc?too-long', 422, 'http.invalid-request'],
    ['POST', '/auth/saml/con_unknown/acs', 404, 'saml.not-found'],
  ])('%s %s answers %i to both: a page to browsers, the problem to all others', async (method, path, status, code) => {
    const form = method === 'POST' ? { body: new URLSearchParams({ SAMLResponse: 'AA', RelayState: 'x' }) } : {};
    const address = path.replace('too-long', `code=${'x'.repeat(5_000)}`);
    const ask = (accept: string) => fetch(`${platform.url}${address}`, { method, headers: { accept }, ...form });
    const [shown, told] = await Promise.all([ask('text/html,application/xhtml+xml,*/*;q=0.8'), ask('*/*')]);
    expect([shown.status, told.status]).toEqual([status, status]);
    expect(await told.json()).toMatchObject({ code });
    expect(shown.headers.get('content-security-policy')).toMatch(/script-src 'nonce-/);
    expect(await shown.text()).toMatch(/^<!doctype html>[\s\S]*req_[\s\S]*href="\/auth\/sign-in"/);
  });
});
