import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyAgent } from '../../../../bench/support/empty-agent.ts';
import { faults, fits, startBrowser, visit } from '../harness/browser.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
let browser: Browser;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(emptyAgent) });
  browser = await startBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await platform?.close();
});

const open = (path: string, width = 1_280) =>
  visit(browser, `${platform.url}${path}`, { viewport: { width, height: 900 } });

describe('the first page', () => {
  it.each([
    ['en', 'ltr', 'First steps'],
    ['ar', 'rtl', 'الخطوات الأولى'],
  ])(
    'reads in %s, has no fault of accessibility, and stays within the screen',
    async (language, direction, heading) => {
      for (const width of [390, 768, 1_280]) {
        const { page, asked, errors } = await open(`/?lang=${language}`, width);
        expect(await page.locator('html').getAttribute('dir')).toBe(direction);
        expect(await page.getByText(heading).count()).toBe(1);
        expect(await fits(page)).toBe(true);
        expect(asked.filter((url) => !url.startsWith(platform.url))).toEqual([]);
        expect(errors).toEqual([]);
        if (width === 390) expect(await faults(page)).toEqual([]);
        await page.context().close();
      }
    },
  );

  it('says where the key is', async () => {
    const { page } = await open('/?lang=en');
    expect(await page.locator('pre').first().textContent()).toContain('ready.json');
    await page.context().close();
  });
});

describe('the mailbox of a machine without a mail server', () => {
  it('shows what would have been sent, with links to follow and nothing else alive, in both languages', async () => {
    const empty = await open('/dev/mailbox?lang=en');
    expect(await empty.page.getByText('No mail yet').count()).toBe(1);
    await empty.page.context().close();
    const link = `${platform.url}/auth/verify#token=abc`;
    await platform.server.platform.mail.send({
      to: 'ada@example.com',
      subject: 'Verify <b>your</b> address',
      text: `Open this:\n\n${link}\n\n<img src="x" onerror="document.title='owned'">`,
      idempotencyKey: 'one',
    });
    for (const [language, direction, heading] of [
      ['en', 'ltr', 'Development mailbox'],
      ['ar', 'rtl', 'صندوق بريد التطوير'],
    ] as const) {
      const { page, asked, errors } = await open(`/dev/mailbox?lang=${language}`, 390);
      expect(await page.locator('html').getAttribute('dir')).toBe(direction);
      expect(await page.title()).toBe(heading);
      expect(await page.getByText('Verify <b>your</b> address').count()).toBe(1);
      expect(await page.locator('article a').getAttribute('href')).toBe(link);
      expect(await page.locator('article img').count()).toBe(0);
      expect(await fits(page)).toBe(true);
      expect(await faults(page)).toEqual([]);
      expect(asked.filter((url) => !url.startsWith(platform.url) && !url.startsWith('data:'))).toEqual([]);
      expect(errors).toEqual([]);
      await page.context().close();
    }
  });

  it('is missing to whoever asks through a proxy', async () => {
    const answer = await fetch(`${platform.url}/dev/mailbox`, { headers: { 'x-forwarded-for': '127.0.0.1' } });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'ops.no-mailbox' });
  });
});

describe('the reference', () => {
  it('shows the routes and asks no foreign host for anything', async () => {
    const { page, asked, errors } = await open('/docs/api');
    await page.getByText('/v1/agents/{id}/estimate').first().waitFor({ timeout: 15_000 });
    expect(asked.filter((url) => !url.startsWith(platform.url) && !/^(data|blob):/.test(url))).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  }, 30_000);
});
