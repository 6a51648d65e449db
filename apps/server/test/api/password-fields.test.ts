/** The fields for passwords, on every page that is served. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
/** By address of the page. */
let fields: readonly (readonly [path: string, field: string, page: string])[];
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  const pages = platform.server.routes.filter(
    ({ method, path, scope }) => method === 'GET' && scope === 'public' && !path.includes('{'),
  );
  const found = await Promise.all(
    pages.map(async ({ path }) => {
      const answer = await fetch(`${platform.url}${path}`);
      const page = await answer.text();
      if (!answer.headers.get('content-type')?.startsWith('text/html')) return [];
      return [...page.matchAll(/<input\b[^>]*\bname="[^"]*password[^"]*"[^>]*>/gi)].map(
        ([field]) => [path, field, page] as const,
      );
    }),
  );
  fields = found.flat();
});
afterAll(() => platform.close());

it('hide what is typed', () => {
  expect(fields.map(([path]) => path)).toEqual(
    expect.arrayContaining(['/auth/sign-in', '/auth/sign-up', '/auth/reset']),
  );
  for (const [path, field] of fields) expect([path, field]).toEqual([path, expect.stringContaining('type="password"')]);
});

it('tell password managers what they are for, and hinder neither pasting nor length', () => {
  for (const [path, field, page] of fields) {
    expect([path, field]).toEqual([path, expect.stringMatching(/autocomplete="(current|new)-password"/)]);
    expect([path, field]).toEqual([path, expect.not.stringMatching(/maxlength|readonly|on[a-z]+=/i)]);
    expect([path, /onpaste|['"]paste['"]/i.test(page)]).toEqual([path, false]);
  }
});
