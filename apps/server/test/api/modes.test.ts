/** Test and live are two worlds: what one of them made is missing in the other. */
import { SCOPES } from '@guildhall/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
const keys = { live: '', test: '' };
beforeAll(async () => {
  platform = await scriptedPlatform();
  keys.live = platform.key;
  const scopes = SCOPES.filter((scope) => scope !== 'operator');
  const made = await platform.call<{ secret: string }>('POST', '/v1/keys', { name: 't', mode: 'test', scopes });
  keys.test = made.body.secret;
});
afterAll(() => platform.close());

type Mode = keyof typeof keys;
const PAIRS: readonly (readonly [Mode, Mode])[] = [
  ['test', 'live'],
  ['live', 'test'],
];
const as = (mode: Mode, method: string, path: string, body?: unknown) =>
  platform.call<Record<string, unknown> & { id: string; data: unknown[] }>(method, path, body, { key: keys[mode] });

const upload = async (mode: Mode): Promise<string> => {
  const form = new FormData();
  form.append('file', new Blob([`of ${mode}`], { type: 'text/plain' }), 'a.txt');
  const answer = await fetch(`${platform.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys[mode]}` },
    body: form,
  });
  return ((await answer.json()) as { id: string }).id;
};

describe.each(PAIRS)('what a %s key made', (own, foreign) => {
  it('as a file is missing for the other mode, to read, to delete and as input', async () => {
    const id = await upload(own);
    expect((await as(foreign, 'GET', `/v1/files/${id}`)).status).toBe(404);
    expect((await as(foreign, 'GET', `/v1/files/${id}/content`)).status).toBe(404);
    expect((await as(foreign, 'DELETE', `/v1/files/${id}`)).status).toBe(404);
    const input = platform.input(async () => null);
    const start = (mode: Mode) =>
      as(mode, 'POST', '/v1/agents/scripted/runs?wait=10', { input: { ...input, source: { file: id } } });
    expect(await start(foreign)).toMatchObject({ status: 422, body: { code: 'runs.input-file-not-found' } });
    expect(await start(own)).toMatchObject({ status: 200, body: { status: 'succeeded', mode: own } });
    expect((await as(own, 'GET', `/v1/files/${id}`)).status).toBe(200);
  });

  it('as an artifact is no input for the other mode', async () => {
    const kept = await platform.begin(
      (ctx) =>
        ctx.step('keep', async (step) => {
          await step.artifact({ name: 'a', mediaType: 'text/plain', content: new TextEncoder().encode('kept') });
          return null;
        }),
      { key: keys[own] },
    );
    const file = kept.body.artifacts[0]?.id ?? '';
    const input = platform.input(async (ctx) => (await ctx.file({ file })).name);
    const start = (mode: Mode) =>
      as(mode, 'POST', '/v1/agents/scripted/runs?wait=10', { input: { ...input, source: { file } } });
    expect(await start(foreign)).toMatchObject({ status: 422, body: { code: 'runs.input-file-not-found' } });
    expect(await start(own)).toMatchObject({ status: 200, body: { output: 'a' } });
  });

  it('opens for no run of the other mode that learnt of it otherwise', async () => {
    const file = await upload(own);
    const { body } = await platform.begin((ctx) => ctx.file({ file }), { key: keys[foreign] });
    expect(body).toMatchObject({ status: 'failed', error: { code: 'agent.file-gone' } });
  });
});
