/** The pages that links in mails lead to, in a browser. */
import { TOTP } from 'otpauth';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults, fits, startBrowser, visit } from '../harness/browser.ts';
import { createClient, lastLink, signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const PASSWORD = 'words that a browser types';

let platform: TestPlatform;
let browser: Browser;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  browser = await startBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await platform?.close();
});

const open = (path: string) => visit(browser, `${platform.url}${path}`);

describe('the page of a link', () => {
  it.each(
    ['verify', 'reset', 'magic', 'email', 'admin', 'waiting-list'].flatMap((kind) => [
      `${kind} en ltr`,
      `${kind} ar rtl`,
    ]),
  )('%s has no fault of accessibility, stays within the screen, and loads nothing from elsewhere', async (what) => {
    const [kind, language, direction] = what.split(' ');
    const { page, asked, errors } = await open(`/auth/${kind}?lang=${language}#token=${'A'.repeat(43)}`);
    expect(await page.locator('html').getAttribute('dir')).toBe(direction);
    expect(await page.locator('button:visible').count()).toBe(1);
    expect(await fits(page)).toBe(true);
    expect(await faults(page)).toEqual([]);
    expect(asked).toHaveLength(1);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it('does nothing by itself, takes the token out of the address bar, and verifies when its button is pressed; used up, it offers another', async () => {
    const client = createClient(platform);
    const email = 'browser@example.com';
    await client.call('POST', '/v1/auth/sign-up', { email, password: PASSWORD, name: 'Browser' });
    const token = await lastLink(platform, email);
    const { page, asked } = await open(`/auth/verify#token=${token}`);
    expect(page.url()).toBe(`${platform.url}/auth/verify`);
    expect(asked).toHaveLength(1);
    await page.locator('button:visible').click();
    await page.getByText('Done.').waitFor();
    expect(await page.locator('button:visible').count()).toBe(0);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.waitForURL('**/auth/sign-in?lang=en');
    await page.context().close();
    expect((await client.call('POST', '/v1/auth/verify', { token })).status).toBe(410);
    const again = await open(`/auth/verify#token=${token}`);
    await again.page.locator('button:visible').click();
    await again.page.getByText('not valid any more').waitFor();
    await again.page.fill('#request [name=email]', email);
    await again.page.locator('button:visible').click();
    await again.page.getByText('a mail with a link is on its way').waitFor();
    await again.page.context().close();
  });

  it('a link that signs in leads to the account, and where there is a second factor to the page that asks for it', async () => {
    const ada = await signUpPerson(platform);
    const follow = async () => {
      await ada.call('POST', '/v1/auth/magic-link', { email: ada.email });
      const { page } = await open(`/auth/magic?lang=ar#token=${await lastLink(platform, ada.email)}`);
      await page.locator('button:visible').click();
      return page;
    };
    const plain = await follow();
    await plain.waitForURL('**/auth/account?lang=ar');
    await plain.locator('#who').getByText(ada.email).waitFor();
    await plain.context().close();
    const { id, secret } = (await ada.call('POST', '/v1/me/factors/totp', { name: 'Phone' })).body;
    const app = new TOTP({ secret: String(secret) });
    // A code works once: the set-up takes the one before.
    const before = app.generate({ timestamp: Date.now() - 30_000 });
    expect((await ada.call('POST', `/v1/me/factors/${id}/confirm`, { code: before })).status).toBe(200);
    const second = await follow();
    await second.waitForURL('**/auth/second-factor?lang=ar');
    await second.locator('[name=code]').fill(app.generate());
    await second.locator('button:visible').click();
    await second.waitForURL('**/auth/account?lang=ar');
    await second.locator('#who').getByText(ada.email).waitFor();
    await second.context().close();
  });

  it('asks for an address where it has no token, and says in place what is wrong with a password', async () => {
    const ada = await signUpPerson(platform);
    const asking = await open('/auth/reset');
    await asking.page.fill('#request [name=email]', ada.email);
    await asking.page.locator('button:visible').click();
    await asking.page.getByText('a mail with a link is on its way').waitFor();
    await asking.page.context().close();
    const { page } = await open(`/auth/reset#token=${await lastLink(platform, ada.email)}`);
    await page.fill('[name=password]', 'short');
    await page.locator('button:visible').click();
    await page.getByText('Password must have at least 15 characters. Four').waitFor();
    expect(await page.locator('[name=password]').getAttribute('aria-invalid')).toBe('true');
    expect(await page.evaluate('document.activeElement.name')).toBe('password');
    await page.fill('[name=password]', PASSWORD);
    await page.locator('button:visible').click();
    await page.getByText('Done.').waitFor();
    await page.context().close();
    const body = { email: ada.email, password: PASSWORD };
    expect((await createClient(platform).call('POST', '/v1/auth/sign-in', body)).status).toBe(200);
  });
});
