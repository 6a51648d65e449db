/** What an agent does wrong, and what happens around it, ends its run and nothing else. */
import { AgentError } from '@guildhall/agent-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeAll(async () => {
  platform = await scriptedPlatform();
});
afterAll(() => platform.close());

describe('an agent that breaks the rules', () => {
  it.each([
    [
      'throws before its first promise',
      () => {
        throw new AgentError('at-once', 'It threw at once.');
      },
      'agent.at-once',
    ],
    ['returns what is no JSON', async () => ({ amount: 1n }), 'runs.bad-output'],
    ['returns a NUL character', async () => ({ text: 'a\u0000b' }), 'runs.bad-output'],
    ['returns half a character', async () => ({ text: '\ud800' }), 'runs.bad-output'],
    [
      'fails with a NUL character in its words',
      async () => {
        throw new AgentError('strange', 'A cell holds \u0000.', { errors: [{ path: '/\ud800', message: 'x\u0000' }] });
      },
      'agent.strange',
    ],
    ['returns a NUL character from a step', (ctx) => ctx.step('read', async () => 'a\u0000b'), 'agent.step-result'],
  ] as const satisfies readonly (readonly [string, Parameters<ScriptedPlatform['begin']>[0], string])[])(
    'and %s fails by itself, once and free of charge',
    async (_, script, code) => {
      const { body } = await platform.begin(script, { wait: 5 });
      expect(body).toMatchObject({ status: 'failed', error: { code }, cost: { nanos: '0' } });
    },
  );

  it('and leaves a failing step unawaited harms no other run', async () => {
    const { body } = await platform.begin(async (ctx) => {
      void ctx.step('forgotten', async () => {
        throw new Error('nobody listens');
      });
      await ctx.step('awaited', async () => null);
      return {};
    });
    expect(body.status).toBe('succeeded');
    const other = await platform.begin(async (ctx) => {
      void ctx.step('endless', () => new Promise<null>(() => {}));
      return {};
    });
    expect(other.body.status).toBe('succeeded');
  });
});
