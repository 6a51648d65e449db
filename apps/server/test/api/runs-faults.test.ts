/** What an agent does wrong, and what happens around it, ends its run and nothing else. */
import { AgentError } from '@guildhall/agent-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailpointName } from '../../src/platform/failpoints/index.ts';
import { type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
let broken: { name: FailpointName; passagesLeft: number } | undefined;

/** The connection is lost at the given passage of a place, once. */
const breakOnce = (name: FailpointName, passage = 1): void => {
  broken = { name, passagesLeft: passage };
};

beforeAll(async () => {
  platform = await scriptedPlatform({
    failpoint: (name) => {
      if (broken?.name !== name) return;
      broken.passagesLeft -= 1;
      if (broken.passagesLeft > 0) return;
      broken = undefined;
      throw new Error('Connection terminated unexpectedly');
    },
  });
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
    // In quotes one byte more than 1 MiB.
    ['returns a text that is too large', async () => 'x'.repeat(2 ** 20 - 1), 'runs.output-too-large'],
    ['returns too many bytes of few characters', async () => 'ا'.repeat(2 ** 19), 'runs.output-too-large'],
    ['returns the same from a step', (ctx) => ctx.step('read', async () => 'ا'.repeat(2 ** 19)), 'runs.step-too-large'],
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

  it('but keeps to the largest output is told all of it', async () => {
    const { body } = await platform.begin(async () => 'x'.repeat(2 ** 20 - 2));
    expect(body).toMatchObject({ status: 'succeeded', output: expect.stringMatching(/^x+$/) });
  });

  it('and names an artifact with what cannot be kept still keeps it', async () => {
    const { body } = await platform.begin((ctx) =>
      ctx.step('keep', async (step) => {
        const content = new TextEncoder().encode('x');
        await step.artifact({ name: `a\u0000${'b'.repeat(252)}😀😀`, mediaType: 'text/plain', content });
        return null;
      }),
    );
    expect(body.status).toBe('succeeded');
    const answer = await fetch(body.artifacts[0]?.url ?? '');
    expect([answer.status, await answer.text()]).toEqual([200, 'x']);
  });

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

describe('a fault of the database', () => {
  it('while a step is recorded fails no run: another attempt goes on from the record', async () => {
    const works: number[] = [];
    breakOnce('step.after-work');
    const { body } = await platform.begin(async (ctx) =>
      ctx.step('work', async (step) => {
        works.push(step.attempt);
        return 'done';
      }),
    );
    expect(body).toMatchObject({ status: 'succeeded', output: 'done' });
    expect(works).toEqual([1, 1]);
  });
});

describe('an effect that must not be repeated', () => {
  /** The open question. A run shows that it waits until a worker has taken it up again, so the question itself is waited for. */
  const reviewOf = async (id: string): Promise<string> => {
    for (;;) {
      await platform.until(id, (run) => run.waitingFor === 'review');
      const [row] = await platform.admin<{ id: string }>(
        'select id from runs.approval where run_id = $1 and decision is null',
        [id],
      );
      if (row) return row.id;
    }
  };
  const decide = async (id: string, decision: 'approve' | 'reject') =>
    platform.call('POST', `/v1/runs/${id}/approvals/${await reviewOf(id)}`, { decision });
  const once = { effect: 'once' } as const;

  it('is not reviewed when the record says that its last try failed', async () => {
    const works: number[] = [];
    // The second intent is where the attempt ends: the first try has failed by then, and the record says so.
    breakOnce('step.before-intent', 2);
    const { body } = await platform.begin((ctx) =>
      ctx.step(
        'send',
        async (step) => {
          works.push(step.attempt);
          if (step.attempt === 1) throw new AgentError('busy', 'Refused.', { retryable: true });
          return 'sent';
        },
        { ...once, retry: { attemptsMax: 3, firstDelayMs: 1, delayMaxMs: 1 } },
      ),
    );
    expect(body).toMatchObject({ status: 'succeeded', output: 'sent' });
    expect(works).toEqual([1, 2]);
  });

  it('is not repeated after it ran out of time, whatever its policy', async () => {
    let works = 0;
    const { body } = await platform.begin((ctx) =>
      ctx.step(
        'send',
        () => {
          works += 1;
          return new Promise<null>(() => {});
        },
        { ...once, timeoutMs: 20, retry: { attemptsMax: 3, firstDelayMs: 1, delayMaxMs: 1 } },
      ),
    );
    expect(body).toMatchObject({ status: 'failed', error: { code: 'agent.step-timeout' } });
    expect(works).toBe(1);
  });

  it('is repeated by a person’s approval alone, and a second unknown outcome asks again', async () => {
    let works = 0;
    breakOnce('step.after-intent');
    const { body } = await platform.begin(
      (ctx) =>
        ctx.step(
          'send',
          async () => {
            works += 1;
            return 'sent';
          },
          once,
        ),
      { wait: 0 },
    );
    const first = await reviewOf(body.id);
    expect(works).toBe(0);
    breakOnce('step.after-intent');
    await decide(body.id, 'approve');
    const second = await reviewOf(body.id);
    expect(second).not.toBe(first);
    await decide(body.id, 'approve');
    expect(await platform.ended(body.id)).toMatchObject({ status: 'succeeded', output: 'sent' });
    expect(works).toBe(1);
  });

  it('fails the run by a person’s rejection, on the record as well', async () => {
    breakOnce('step.after-intent');
    const { body } = await platform.begin((ctx) => ctx.step('send', async () => 'sent', once), { wait: 0 });
    await decide(body.id, 'reject');
    expect(await platform.ended(body.id)).toMatchObject({
      status: 'failed',
      error: { code: 'runs.review-rejected' },
      cost: { nanos: '0' },
    });
    expect(await platform.steps(body.id)).toMatchObject([
      { status: 'failed', error: { code: 'runs.review-rejected' } },
    ]);
  });
});
