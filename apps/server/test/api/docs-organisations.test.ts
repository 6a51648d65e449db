/** The pages about organisations and about who may sign up do what they say: their blocks of code run in order against the platform. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient, lastLink } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const ROOT = path.join(import.meta.dirname, '..', '..', '..', '..');
/** What each block prints, in order. */
const ORGANISATIONS = [
  /^\{"data":\[.*\],"nextCursor":null\}[\s\S]*#token=[\w-]{43}\nKeep it now[\s\S]*inv_\w+ +link +developer +0 of 5 +open/,
  /"usesMax":3,"uses":0,"status":"open".*"url":"http.*#token=[\w-]{43}"\}\n\{"organisation":"Test","role":"viewer"/,
  /"secret":"gld_live_\w{36}"\}$/,
];
const BETA = [
  /Code {2}\w{4}-\w{4}-\w{4} \(cod_\w+\)[\s\S]*first friends +0 of 20 +never/,
  /waits@example\.com[\s\S]*\n1 invited\.[\s\S]*Sign-up is open\. 0 people; 0 wait, 1 were invited\./,
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

async function run(code: string): Promise<string> {
  const file = path.join(folder, 'block.sh');
  writeFileSync(file, code);
  const env = { ...process.env, GUILDHALL_URL: platform.url, GUILDHALL_API_KEY: platform.key };
  const child = spawn('sh', ['-e', file], { cwd: ROOT, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said;
}

async function expectBlocks(page: string, printed: readonly RegExp[]): Promise<void> {
  const text = readFileSync(path.join(ROOT, 'docs', 'access', page), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
  expect(blocks).toHaveLength(printed.length);
  for (const [index, code] of blocks.entries()) expect(await run(code)).toMatch(printed[index] ?? /^$/);
}

it('the blocks of organisations.md work as they stand', () => expectBlocks('organisations.md', ORGANISATIONS), 60_000);

it('the blocks of beta.md work as they stand', async () => {
  const client = createClient(platform);
  await client.call('POST', '/v1/auth/waiting-list', { email: 'waits@example.com' });
  const token = await lastLink(platform, 'waits@example.com');
  await client.call('POST', '/v1/auth/waiting-list/confirm', { token });
  await expectBlocks('beta.md', BETA);
}, 60_000);
