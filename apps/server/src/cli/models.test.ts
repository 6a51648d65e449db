/** The commands about models, calls and limits, and the check of `doctor`, on a running platform. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../test/harness/command-line.ts';
import { type MockProvider, startMockProvider } from '../../test/harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../../test/harness/platform.ts';
import { systemClock } from '../platform/clock/index.ts';
import { createIds } from '../platform/ids/index.ts';
import { checkProviders } from './doctor/providers.ts';
import { EXIT } from './exit-codes.ts';

const ids = createIds(systemClock);
let mock: MockProvider;
let platform: TestPlatform;
beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: [],
    environment: { OPENAI_API_KEY: 'sk-operator', OPENAI_BASE_URL: `${mock.url}/v1` },
  });
});
beforeEach(() => mock.reset());
afterAll(async () => {
  await platform.close();
  await mock.close();
});

const cli = (...argv: readonly string[]) => runCommand(platform, argv);
const call = () =>
  platform.call('POST', '/v1/chat/completions', {
    model: 'guildhall/small',
    max_tokens: 20,
    messages: [{ role: 'user', content: 'Say something.' }],
  });

test('models are listed with prices, chosen for a tier, and given back', async () => {
  expect((await cli('models', 'list')).printed).toMatch(/openai\/gpt-4o-mini +128000 +\$0\.171 +\$0\.684/);
  const chosen = await cli('models', 'choose', 'small', 'openai/gpt-4.1-mini=3', 'openai/gpt-5.4-mini=1');
  expect(chosen.printed).toBe('guildhall/small asks openai/gpt-4.1-mini=3 openai/gpt-5.4-mini=1\n');
  expect((await cli('models', 'choices')).printed).toMatch(/guildhall\/small +operator +openai\/gpt-4\.1-mini +3\n/);
  expect((await cli('models', 'choose', 'small', 'openai/gpt-4.1', 'openai/gpt-5.4')).printed).toBe(
    'guildhall/small asks openai/gpt-4.1=1 openai/gpt-5.4=0\n',
  );
  expect((await cli('models', 'reset', 'small')).printed).toContain('google/gemini-2.5-flash-lite=1');
  const refused = await cli('models', 'choose', 'small', 'openai/gpt-99');
  expect([refused.code, refused.noted]).toEqual([EXIT.refused, expect.stringContaining('has no price')]);
  expect((await cli('models', 'choose', 'small', 'openai/gpt-5.4=lots')).code).toBe(EXIT.usage);
});

test('limits are listed, set for an organisation, and given back', async () => {
  const org = ['--org', platform.orgId];
  expect((await cli('limits', 'list')).printed).toMatch(/failed-keys-ip +ip +everybody +60 +60 +default/);
  const set = await cli('limits', 'set', 'key', '500', '--window', '10', ...org);
  expect(set.printed).toBe(`key: 500 per 10 s for each key of ${platform.orgId}\n`);
  expect((await cli('limits', 'list')).printed).toMatch(new RegExp(`key +key +${platform.orgId} +500 +10 +operator`));
  expect((await cli('limits', 'reset', 'key', ...org)).printed).toContain('2400 per 60 s');
  expect((await cli('limits', 'set', 'key', 'many')).code).toBe(EXIT.usage);
  expect((await cli('limits', 'set', 'nothing', '5')).code).toBe(EXIT.refused);
});

test('calls are listed and shown with their attempts', async () => {
  mock.behave({ fault: 'unavailable' });
  await call();
  const listed = await cli('calls', 'list', '--status', 'succeeded');
  const [id = ''] = /mcl_\w+/.exec(listed.printed) ?? [];
  expect(listed.printed).toContain('openai/gpt-5.4-mini');
  const shown = await cli('calls', 'show', id);
  expect(shown.printed).toMatch(/models\.provider-unavailable +503[\s\S]+ok +200/);
  expect((await cli('calls', 'show', 'mcl_none')).code).toBe(EXIT.refused);
});

test('doctor and `models health` say how providers are, and which process says so', async () => {
  const check = () => checkProviders({ url: platform.url, apiKey: platform.key }, ids);
  await call();
  expect(await check()).toMatchObject({ level: 'pass', detail: expect.stringContaining(`process ${process.pid} on`) });
  mock.behave({ fault: 'unauthorised' });
  await call();
  expect(await check()).toMatchObject({
    level: 'warn',
    detail: expect.stringContaining('prv_env_openai is open (models.provider-key-refused)'),
  });
  expect((await cli('models', 'health')).printed).toMatch(
    new RegExp(`^As process ${process.pid} on [\\s\\S]+prv_env_openai +openai +open`),
  );
  const without = await checkProviders({ url: platform.url, apiKey: 'gld_live_wrong' }, ids);
  expect(without).toMatchObject({ level: 'warn' });
});
