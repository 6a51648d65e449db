/** Lists of models, retries and breakers through HTTP: who is asked, how often, and what history says of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createGatewayWorld,
  type GatewayWorld,
  type Kind,
  providerAsks,
  reportedIn,
  type Used,
  withMarkup,
} from './models-fixture.ts';

let world: GatewayWorld;
beforeAll(async () => {
  world = await createGatewayWorld();
}, 60_000);
afterAll(() => world.close(), 60_000);

const hello = [{ role: 'user' as const, content: 'Say something.' }];
const ask = (model: string) => world.openai.chat.completions.create({ model, messages: hello, max_tokens: 40 });
const refusal = (model: string): Promise<{ status: number; code: string; headers: Headers }> =>
  ask(model).then(
    () => Promise.reject(new Error('it was answered')),
    (error) => error,
  );
/** The list behind `guildhall/small`: the first with a share, the others only where it fails. */
async function choose(...models: readonly (readonly [kind: Kind, weight: number])[]): Promise<void> {
  const body = { name: 'small', models: models.map(([kind, weight]) => ({ model: `${kind}/matrix`, weight })) };
  const { status } = await world.platform.call('PUT', '/v1/operator/model-choices', body);
  expect(status).toBe(200);
}
const requestsNow = (): number => world.mock.stats().requests;

describe('a list of models', () => {
  it('gives each the share of its weight', async () => {
    await choose(['openai', 3], ['google', 1]);
    const calls = 120;
    const answered: string[] = [];
    for (let left = calls; left > 0; left -= 1) {
      await ask('guildhall/small');
      answered.push(world.last.headers.get('x-guildhall-model') ?? '');
    }
    const share = answered.filter((model) => model === 'openai/matrix').length / calls;
    // Four and a half standard deviations on either side of three quarters.
    expect(share).toBeGreaterThan(0.57);
    expect(share).toBeLessThan(0.93);
    expect(new Set(answered)).toEqual(new Set(['openai/matrix', 'google/matrix']));
  });

  it('goes on with the next where one fails, at the price of the one that answers, and tells of each attempt', async () => {
    await choose(['compatible', 1], ['anthropic', 0], ['google', 0]);
    world.mock.behave({ fault: 'not-found' });
    await ask('guildhall/small');
    const call = await world.newest();
    expect(call).toMatchObject({ status: 'succeeded', model: 'anthropic/matrix' });
    expect(call.attempts.map(({ model, outcome }) => [model, outcome])).toEqual([
      ['compatible/matrix', 'models.provider-model-missing'],
      ['anthropic/matrix', 'ok'],
    ]);
    expect(world.last.headers.get('x-guildhall-attempts')).toBe('2');
    expect(world.last.headers.get('x-guildhall-model')).toBe('anthropic/matrix');
    expect(world.lastRequest().path).toBe('/v1/messages');
    expect(call.cost_nanos).toBe(withMarkup(providerAsks(reportedIn(world.lastRequest().sent) as Used)).toString());
  });

  it('is not left for what is wrong with the request itself', async () => {
    await choose(['openai', 1], ['google', 0]);
    const requests = requestsNow();
    world.mock.behave({ fault: 'bad-request' });
    expect(await refusal('guildhall/small')).toMatchObject({ status: 400, code: 'models.provider-refused' });
    expect(requestsNow() - requests).toBe(1);
    expect(await world.newest()).toMatchObject({
      status: 'failed',
      cost_nanos: '0',
      error_code: 'models.provider-refused',
    });
  });

  it('is left where an account has no money: the channel is asked once and then closed', async () => {
    await choose(['mistral', 1], ['google', 0]);
    const requests = requestsNow();
    world.mock.behave({ fault: 'spend-limit' });
    await ask('guildhall/small');
    expect((await world.newest()).attempts.map(({ outcome }) => outcome)).toEqual([
      'models.provider-spend-limit',
      'ok',
    ]);
    expect(requestsNow() - requests).toBe(2);
    await ask('guildhall/small');
    expect(requestsNow() - requests).toBe(3);
    expect((await world.newest()).model).toBe('google/matrix');
  });

  it('is not left where the organisation forbids it', async () => {
    await choose(['ollama', 1], ['google', 0]);
    const { status } = await world.platform.call('PUT', '/v1/model-policy', {
      refuseDataRetention: false,
      mayFallBack: false,
    });
    expect(status).toBe(200);
    world.mock.behave({ fault: 'not-found' });
    expect(await refusal('guildhall/small')).toMatchObject({ status: 404, code: 'models.provider-model-missing' });
    await world.platform.call('PUT', '/v1/model-policy', { refuseDataRetention: false, mayFallBack: true });
  });
});

describe('one provider', () => {
  it('that asks for a pause is asked again after it, once', async () => {
    const requests = requestsNow();
    world.mock.behave({ fault: 'rate-limited', retryAfterSeconds: 1 });
    const began = performance.now();
    await ask('google/matrix');
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000);
    expect(requestsNow() - requests).toBe(2);
    expect((await world.newest()).attempts.map(({ outcome }) => outcome)).toEqual([
      'models.provider-rate-limited',
      'ok',
    ]);
  });

  it('that asks for a pause too long to wait for is not waited for, and the client hears how long', async () => {
    world.mock.behave({ fault: 'rate-limited', retryAfterSeconds: 120 });
    const refused = await refusal('openrouter/matrix');
    expect(refused).toMatchObject({ status: 429, code: 'models.provider-rate-limited' });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(100);
    expect(seconds).toBeLessThanOrEqual(120);
  });

  it.each(['anthropic', 'openai'] as const)(
    'whose account at %s has no money is not asked a second time',
    async (kind) => {
      const requests = requestsNow();
      world.mock.behave({ fault: 'spend-limit' });
      const refused = await refusal(`${kind}/matrix`);
      expect(refused).toMatchObject({ status: 503, code: 'models.provider-spend-limit' });
      expect(refused.headers.get('x-should-retry')).toBe('false');
      expect(requestsNow() - requests).toBe(1);
    },
  );

  it('that keeps failing is left alone after at most ten attempts, and asked again when it has rested', async () => {
    const requests = requestsNow();
    world.mock.behave({ fault: 'server-error', times: 'always' });
    for (let left = 6; left > 0; left -= 1) await refusal('novita/matrix');
    const asked = requestsNow() - requests;
    expect(asked).toBeLessThanOrEqual(10);
    await refusal('novita/matrix');
    expect(requestsNow() - requests).toBe(asked);
    await world.mock.reset();
    await expect
      .poll(
        () =>
          ask('novita/matrix').then(
            () => 'answered',
            () => 'refused',
          ),
        { timeout: 20_000, interval: 500 },
      )
      .toBe('answered');
    expect(await world.findings()).toEqual([]);
  }, 60_000);
});
