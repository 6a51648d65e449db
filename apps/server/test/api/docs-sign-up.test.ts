/** The page about signing up does what it says: its blocks of code run in order against the platform, with a mail between the first two. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lastLink } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const PAGE = path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'access', 'sign-up.md');
const EMAIL = 'ada@example.com';
const PASSWORD = 'words that a page of docs says';
/** What each block prints, in order. */
const PRINTED = [
  /^\{"status":"mail-sent"\}$/,
  /^\{"status":"verified","personId":"usr_\w+"\}$/,
  /^\{"status":"signed-in".*\}\{"id":"usr_\w+","email":"ada@example\.com".*"role":"owner"/,
  /^\{"status":"signed-in".*\}\{"data":\[.*"isCurrent":true.*\{"ended":0\}$/,
];

const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-docs-'));
let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
});
afterAll(async () => {
  await platform.close();
  rmSync(folder, { recursive: true });
});

async function run(code: string, more: Record<string, string>): Promise<string> {
  const file = path.join(folder, 'block.sh');
  writeFileSync(file, code);
  const { PATH = '' } = process.env;
  const env = { PATH, GUILDHALL_URL: platform.url, EMAIL, PASSWORD, ...more };
  const child = spawn('sh', ['-e', file], { cwd: folder, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said;
}

it('the blocks of sign-up.md work as they stand', async () => {
  const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
  expect(blocks).toHaveLength(PRINTED.length);
  for (const [index, code] of blocks.entries()) {
    const said = await run(code, index === 1 ? { TOKEN: await lastLink(platform, EMAIL) } : {});
    expect(said).toMatch(PRINTED[index] ?? /^$/);
  }
});
