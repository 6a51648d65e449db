/** The page about second factors does what it says: its blocks of code run in order against the platform, with codes of an app between them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const PAGE = path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'access', 'two-factor.md');

const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-docs-'));
let platform: TestPlatform;
let ada: TestPerson;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  ada = await signUpPerson(platform);
});
afterAll(async () => {
  await platform.close();
  rmSync(folder, { recursive: true });
});

/** The last line of what it says. */
async function run(code: string, more: Record<string, string> = {}): Promise<string> {
  const file = path.join(folder, 'block.sh');
  writeFileSync(file, code);
  const { PATH = '' } = process.env;
  const env = { PATH, GUILDHALL_URL: platform.url, EMAIL: ada.email, PASSWORD: ada.password, ...more };
  const child = spawn('sh', ['-e', file], { cwd: folder, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said.slice(said.lastIndexOf('}{') + 1);
}

it('the blocks of two-factor.md work as they stand', async () => {
  const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
  const [begin = '', confirm = '', signIn = '', answer = ''] = blocks;
  expect(blocks).toHaveLength(4);
  const made = JSON.parse(await run(begin)) as { id: string; secret: string; qrCode: string };
  expect(made.qrCode).toMatch(/^<svg /);
  const totp = new TOTP({ secret: made.secret });
  const confirmed = JSON.parse(await run(confirm, { FACTOR: made.id, CODE: totp.generate() })) as object;
  expect(confirmed).toMatchObject({ factor: { isConfirmed: true }, recoveryCodes: Array(10).fill(expect.any(String)) });
  const asked = JSON.parse(await run(signIn)) as { status: string; challenge: string };
  expect(asked.status).toBe('second-factor-required');
  const code = totp.generate({ timestamp: Date.now() + 30_000 });
  const listed = JSON.parse(await run(answer, { CHALLENGE: asked.challenge, CODE: code })) as object;
  expect(listed).toMatchObject({ data: [{ id: made.id }], recoveryCodesLeft: 10 });
});
