/** The pages about keys and the audit trail do what they say: every command runs against the platform as it stands there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

const PAGES = path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'access');
const NAMES = ['api-keys.md', 'audit.md'];

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: [], role: 'api' });
});
afterAll(() => platform.close());

const codeOf = (name: string): string =>
  [...readFileSync(path.join(PAGES, name), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, code]) => code)
    .join('\n');

describe('the commands of', () => {
  it.each(NAMES)(
    '%s run in their order, and none is refused',
    async (name) => {
      // Each answer on a line of its own, and an end at the first that is refused.
      const script = `set -e\ncurl() { command curl --fail-with-body -w '\\n' "$@"; }\n${codeOf(name)}`;
      const child = spawn('sh', ['-c', script], {
        env: { PATH: process.env.PATH, GUILDHALL_URL: platform.url, GUILDHALL_API_KEY: platform.key },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          out += chunk;
        });
      const [status] = await once(child, 'close');
      expect([status, out.includes('"requestId":"req_') && out.includes('/docs/reference/errors')], out).toEqual([
        0,
        false,
      ]);
      expect(out.length).toBeGreaterThan(200);
    },
    30_000,
  );
});
