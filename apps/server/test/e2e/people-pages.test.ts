/** A stranger becomes a member in a browser, with nothing but the pages. */
import { TOTP } from 'otpauth';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults, fits, PHONE, startBrowser, type Visit, visit, visitIn } from '../harness/browser.ts';
import { lastLink } from '../harness/people.ts';
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

async function signUp(context: BrowserContext, email: string, organisation: string): Promise<Visit> {
  const visited = await visitIn(context, `${platform.url}/auth/sign-up?lang=en`);
  const { page } = visited;
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Password').fill(PASSWORD);
  if (organisation) await page.getByLabel('Organisation').fill(organisation);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText('A mail with a link is on its way').waitFor();
  await page.goto(`${platform.url}/auth/verify?lang=en#token=${await lastLink(platform, email)}`);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Done').waitFor();
  return visited;
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.goto(`${platform.url}/auth/sign-in?lang=en`);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

describe('the pages of people', () => {
  it.each(
    ['sign-up', 'sign-in', 'second-factor', 'invitation', 'account'].flatMap((name) => [
      `${name} en ltr`,
      `${name} ar rtl`,
    ]),
  )('%s has no fault of accessibility and stays within the screen, also for a stranger', async (what) => {
    const [name, language, direction] = what.split(' ');
    const { page, asked, errors } = await visit(browser, `${platform.url}/auth/${name}?lang=${language}`);
    expect(await page.locator('html').getAttribute('dir')).toBe(direction);
    expect(await fits(page)).toBe(true);
    expect(await faults(page)).toEqual([]);
    expect(await page.locator('link[rel=icon]').getAttribute('href')).toMatch(/^data:image/);
    expect(asked.filter((url) => url.includes('favicon'))).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it.each([
    ['en', 'The address or the password is not right.', 'Password must have at least 15 characters. '],
    ['ar', 'العنوان أو كلمة المرور غير صحيح.', 'كلمة المرور يجب ألا تقل عن 15 حرفًا. '],
  ])('say in %s, once, what is wrong, and lead the keyboard there', async (language, refused, tooShort) => {
    const { page } = await visit(browser, `${platform.url}/auth/sign-in?lang=${language}`);
    const status = page.locator('#status');
    await page.fill('#form [name=email]', 'nobody@example.com');
    await page.fill('#form [name=password]', PASSWORD);
    await page.locator('#form button').click();
    await status.filter({ hasText: refused }).waitFor();
    expect(await status.textContent()).toBe(refused);
    expect(await page.evaluate('document.activeElement.id')).toBe('status');
    await page.goto(`${platform.url}/auth/sign-up?lang=${language}`);
    await page.fill('#form [name=email]', 'nobody@example.com');
    await page.fill('#form [name=name]', 'Nobody');
    await page.fill('#form [name=password]', 'short');
    await page.locator('#form button').click();
    await status.filter({ hasText: tooShort }).waitFor();
    expect(await status.textContent()).toMatch(new RegExp(`^${tooShort}`));
    expect(await page.evaluate('document.activeElement.name')).toBe('password');
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  it('show that they work: the button is off and says so until the answer is there', async () => {
    const { page } = await visit(browser, `${platform.url}/auth/sign-in?lang=en`);
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    await page.route('**/v1/auth/sign-in', async (route) => {
      await answered;
      await route.abort();
    });
    const button = page.locator('#form button');
    await page.fill('#form [name=email]', 'nobody@example.com');
    await page.fill('#form [name=password]', PASSWORD);
    await button.click();
    await button.filter({ hasText: 'One moment' }).waitFor();
    expect(await button.isDisabled()).toBe(true);
    answer();
    await page.getByText('That did not work. Try again in a moment.').waitFor();
    await button.filter({ hasText: 'Sign in' }).waitFor();
    expect(await button.isEnabled()).toBe(true);
    await page.context().close();
  });

  it('a stranger signs up, makes an organisation, invites a colleague who joins, turns on a second factor, and signs in with it', async () => {
    const [hers, his] = [await browser.newContext(PHONE), await browser.newContext()];
    const { page, errors } = await signUp(hers, 'ada@example.com', 'Ada & Co');
    await signIn(page, 'ada@example.com');
    await page.waitForURL('**/auth/account**');
    await page.getByText('Ada & Co').waitFor();
    expect(await faults(page)).toEqual([]);

    await page.getByLabel('E-mail address').fill('bob@example.com');
    await page.getByLabel('Role').selectOption('developer');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await page.getByText('The invitation is on its way').waitFor();
    const invitation = await lastLink(platform, 'bob@example.com');
    const { page: other, errors: hisErrors } = await signUp(his, 'bob@example.com', '');
    await signIn(other, 'bob@example.com');
    await other.waitForURL('**/auth/account**');
    await other.goto(`${platform.url}/auth/invitation?lang=en#token=${invitation}`);
    await other.getByText('Ada & Co').waitFor();
    await other.getByRole('button', { name: 'Accept' }).click();
    await other.getByText('You are a member now').waitFor();

    await page.getByRole('button', { name: 'Add an authenticator app' }).click();
    await page
      .locator('#secret')
      .filter({ hasText: /[A-Z2-7]{16,}/ })
      .waitFor();
    const secret = (await page.locator('#secret').textContent()) ?? '';
    const app = new TOTP({ secret });
    // Sixteen rem at most: a camera needs no more, and the field for the code stays in view.
    expect((await page.locator('#picture').boundingBox())?.width).toBeLessThanOrEqual(256);
    await page.getByLabel('Code of your app', { exact: true }).fill(app.generate());
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Keep these recovery codes').waitFor();
    const [recoveryCode = ''] = ((await page.locator('#codes pre').textContent()) ?? '').split('\n');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/auth/sign-in**');
    await signIn(page, 'ada@example.com');
    await page.locator('#second input').fill(recoveryCode);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL('**/auth/account**');
    await page.getByText('Ada & Co').waitFor();
    expect(await page.locator('#members li').count()).toBe(2);
    expect(await fits(page)).toBe(true);
    expect([...errors, ...hisErrors]).toEqual([]);
    await Promise.all([hers.close(), his.close()]);
  }, 120_000);
});
