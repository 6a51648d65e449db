/**
 * Chromium, as tests of pages use it.
 *
 *     const browser = await startBrowser();
 *     const { page, asked, errors } = await visit(browser, `${platform.url}/`);    // in a context of its own, on a small screen
 *     expect(await faults(page)).toEqual([]);                                     // what axe finds wrong, by rule
 *     expect(await fits(page)).toBe(true);
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const SILENT = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 800 } };

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: SILENT });

export interface Visit {
  readonly page: Page;
  /** Every address that it asked for. */
  readonly asked: readonly string[];
  /** What was thrown in it, and what its console calls an error; answers of the server that refuse are none. */
  readonly errors: readonly string[];
}

/** A page in this context, watched from before it asks for anything. */
export async function visitIn(context: BrowserContext, url: string): Promise<Visit> {
  const page = await context.newPage();
  const asked: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(message.text());
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  return { page, asked, errors };
}

/** The same in a context of its own, which is closed with `page.context()`. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = PHONE): Promise<Visit> {
  return visitIn(await browser.newContext(options), url);
}

/** What axe finds wrong, by rule. The policy of a page forbids foreign scripts, so it is evaluated from outside. */
export async function faults(page: Page): Promise<readonly string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate(async () => {
    // Put there by the line above.
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
    return (await axe.run()).violations.map((violation) => violation.id);
  });
}

/** Whether nothing reaches beyond the width of the screen. */
export const fits = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth <= innerWidth');
