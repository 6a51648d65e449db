/** The pages about models do what they say: every block of code runs against the platform as it stands there, and the example of a hold is recomputed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { formatNanos } from '@guildhall/contract';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

const ROOT = path.join(import.meta.dirname, '..', '..', '..', '..');
const PAGES = path.join(ROOT, 'docs', 'models');
const LIBRARIES = ['openai', '@anthropic-ai/sdk', 'ai', '@ai-sdk/openai-compatible'];
/** LangChain's model hands these very settings to the client of OpenAI; the rest of it is not needed to see that they are right. */
const LANGCHAIN = `
import OpenAI from 'openai';
export class ChatOpenAI {
  constructor({ model, apiKey, configuration }) {
    this.model = model;
    this.client = new OpenAI({ apiKey, ...configuration });
  }
  async invoke(text) {
    const messages = [{ role: 'user', content: text }];
    const answer = await this.client.chat.completions.create({ model: this.model, messages });
    return answer.choices[0].message;
  }
}
`;

const pageOf = (name: string): string => readFileSync(path.join(PAGES, name), 'utf8');
const blocks = readdirSync(PAGES).flatMap((name) =>
  [...pageOf(name).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = ''], index) => ({
    what: `${name} #${index + 1} (${language})`,
    language,
    code,
  })),
);

const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-docs-'));
let mock: MockProvider;
let platform: TestPlatform;
beforeAll(async () => {
  mkdirSync(path.join(folder, 'node_modules', '@langchain', 'openai'), { recursive: true });
  writeFileSync(
    path.join(folder, 'node_modules', '@langchain', 'openai', 'package.json'),
    '{"type":"module","main":"index.js"}',
  );
  writeFileSync(path.join(folder, 'node_modules', '@langchain', 'openai', 'index.js'), LANGCHAIN);
  for (const name of LIBRARIES) {
    const link = path.join(folder, 'node_modules', name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules', name), link);
  }
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: [],
    environment: {
      EGRESS_ALLOW_PRIVATE: '127.0.0.0/8',
      OPENAI_API_KEY: 'sk-operator-openai',
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: 'sk-operator-anthropic',
      ANTHROPIC_BASE_URL: mock.url,
    },
  });
});
afterAll(async () => {
  await platform.close();
  await mock.close();
  rmSync(folder, { recursive: true });
});

async function run(language: string, code: string) {
  const file = path.join(folder, `block.${language === 'sh' ? 'sh' : 'mts'}`);
  writeFileSync(file, code);
  const child = spawn(language === 'sh' ? 'sh' : process.execPath, [file], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      GUILDHALL_URL: platform.url,
      GUILDHALL_API_KEY: platform.key,
      OPENAI_API_KEY: 'sk-own-key-1234',
      OPENAI_BASE_URL: `${mock.url}/v1`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, out, err };
}

describe('the pages about models', () => {
  it('hold code of every client', () => {
    expect(blocks.filter(({ language }) => language === 'ts').length).toBeGreaterThanOrEqual(5);
    for (const { what, language } of blocks)
      expect([what, ['sh', 'ts', 'json'].includes(language)]).toEqual([what, true]);
  });

  it.each(blocks.filter(({ language }) => language !== 'json'))(
    '$what runs as it stands there',
    async ({ language, code }) => {
      const { status, out, err } = await run(language, code);
      expect([status, err.replace(/.*ExperimentalWarning[\s\S]*?\n.*\n/, '')]).toEqual([0, '']);
      expect(out.trim()).not.toBe('');
      expect(out).not.toMatch(/"charged":|stored as undefined/);
    },
    30_000,
  );
});

describe('the table of errors', () => {
  const rows = [...pageOf('errors.md').matchAll(/^\| ((?:\d{3}(?:, )?)+) \| (.+?) \| (.+?) \|/gm)];
  const classesOf = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name);

  it.each(rows.map(([, statuses = '', openai = '', anthropic = '']) => ({ statuses, openai, anthropic })))(
    'names the classes of $statuses',
    ({ statuses, openai, anthropic }) => {
      const ours = classesOf(openai);
      const theirs = anthropic === 'the same' ? ours : classesOf(anthropic);
      for (const status of statuses.split(', ').map(Number)) {
        expect(ours).toContain(OpenAI.APIError.generate(status, {}, '', new Headers()).constructor.name);
        expect(theirs).toContain(Anthropic.APIError.generate(status, {}, '', new Headers()).constructor.name);
      }
    },
  );
  it('is not empty', () => expect(rows.length).toBeGreaterThan(7));
});

describe('the example of a hold', () => {
  const page = pageOf('holds.md');
  const [, request = ''] = /```json\n([\s\S]+?)```/.exec(page) ?? [];
  // Apart from the platform: gpt-4o-mini is $0.15 and $0.60 a million.
  const provider = (input: bigint, output: bigint) =>
    (input * 150_000_000n + output * 600_000_000n + 999_999n) / 1_000_000n;
  const withMarkup = (nanos: bigint) => (nanos * 11_400n + 9_999n) / 10_000n;
  const [, inputMax = '0'] = /^\| input at most \| (\d+) \|/m.exec(page) ?? [];

  it('is what the platform holds and charges for it', async () => {
    mock.behave({ inputTokens: 17, outputTokens: 40 });
    const { status, headers } = await platform.call('POST', '/v1/chat/completions', request);
    expect(status).toBe(200);
    const held = BigInt(headers.get('x-guildhall-hold-nanos') ?? 0);
    expect(held).toBe(withMarkup(provider(BigInt(inputMax), 500n)));
    expect(page).toContain(`**${formatNanos(held)}** |`);
    const cost = BigInt(headers.get('x-guildhall-cost-nanos') ?? 0);
    expect(cost).toBe(withMarkup(provider(17n, 40n)));
    expect(page).toContain(`you pay **${formatNanos(cost)}**`);
  });

  it('is added up right on the page', () => {
    const [input, output] = [provider(BigInt(inputMax), 0n), provider(0n, 500n)];
    for (const line of [
      `| input at most | ${inputMax} | $0.15 | ${formatNanos(input)} |`,
      `| output at most | 500 | $0.60 | ${formatNanos(output)} |`,
      `| the provider asks at most | | | ${formatNanos(input + output)} |`,
      `it asks ${formatNanos(provider(17n, 40n))}, you pay`,
    ])
      expect(page).toContain(line);
  });
});
