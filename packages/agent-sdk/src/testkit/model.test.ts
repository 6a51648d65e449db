import { generateText, isStepCount, Output, streamText, tool } from 'ai';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AgentError } from '../agent-error.ts';
import { defineAgent } from '../define-agent.ts';
import type { PlannedModelUse, RunContext } from '../types.ts';
import { NotDeterministicError, runAgent, type TestModelAnswer, TestSetupError } from './index.ts';

const PLAN: PlannedModelUse = { inputTokensMax: 1_000, outputTokensMax: 1_000 };

const speaker = (run: (ctx: RunContext) => Promise<unknown>, isPlanned = true) =>
  defineAgent({
    id: 'speaker',
    version: '1.0.0',
    title: 'Speaker',
    summary: 'Speaks.',
    description: 'Speaks.',
    category: 'test',
    needsModel: true,
    input: z.strictObject({}),
    output: z.unknown(),
    examples: [],
    limits: { timeoutMs: 1_000, stepsMax: 10 },
    ...(isPlanned ? { plannedModelUse: () => PLAN } : {}),
    run,
  });

/** Says one after the other. */
function script(...answers: readonly TestModelAnswer[]): () => TestModelAnswer {
  let at = 0;
  return () => answers[at++] ?? 'nothing more';
}

const ask = (ctx: RunContext, prompt: string) => generateText({ model: ctx.model('talk'), prompt });

describe('a model in the kit', () => {
  test('says what the test wrote down, and each request is a step', async () => {
    const agent = speaker(async (ctx) => {
      const first = await ask(ctx, 'One?');
      const second = await streamText({ model: ctx.model('more', { model: 'openai/gpt-5' }), prompt: 'Two?' }).text;
      return [first.text, first.usage.outputTokens, second];
    });
    const asked: string[] = [];
    const run = await runAgent(
      agent,
      {},
      {
        model: ({ purpose, model, prompt }) => {
          asked.push(`${purpose} ${model} ${JSON.stringify(prompt)}`);
          return purpose === 'talk' ? { text: 'one', outputTokens: 7 } : 'two words';
        },
      },
    );
    expect(run.output).toEqual(['one', 7, 'two words']);
    expect(run.steps).toMatchObject([
      { key: 'model talk#1', type: 'model', kind: 'model' },
      { key: 'model more#1', type: 'model' },
    ]);
    expect(asked).toEqual([
      expect.stringMatching(/^talk undefined .*One\?/),
      expect.stringMatching(/^more openai\/gpt-5 .*Two\?/),
    ]);
  });

  test('calls tools and fills shapes', async () => {
    const agent = speaker(async (ctx) => {
      const add = tool({
        inputSchema: z.object({ a: z.number(), b: z.number() }),
        execute: async ({ a, b }) => ctx.step('add', async () => a + b),
      });
      const loop = await generateText({
        model: ctx.model('sum'),
        prompt: '1 + 2?',
        tools: { add },
        stopWhen: isStepCount(3),
      });
      const output = Output.object({ schema: z.object({ sum: z.number() }) });
      const shaped = await generateText({ model: ctx.model('shape'), prompt: loop.text, output });
      return [loop.text, shaped.output];
    });
    const model = script({ toolCalls: [{ name: 'add', input: { a: 1, b: 2 } }] }, 'It is 3.', { json: { sum: 3 } });
    const run = await runAgent(agent, {}, { model });
    expect(run.output).toEqual(['It is 3.', { sum: 3 }]);
    expect(run.steps.map(({ key }) => key)).toEqual(['model sum#1', 'add#1', 'model sum#2', 'model shape#1']);
  });

  test.each([1, 2])('is asked once, whatever crashes after step %i', async (crashAfterStep) => {
    let calls = 0;
    const agent = speaker(async (ctx) => [(await ask(ctx, 'One?')).text, (await ask(ctx, 'Two?')).text]);
    const model = (): string => {
      calls += 1;
      return `answer ${calls}`;
    };
    const run = await runAgent(agent, {}, { model, crashAfterStep });
    expect(run.output).toEqual(['answer 1', 'answer 2']);
    expect(calls).toBe(2);
  });

  test('that is asked something else after a crash is a fault of the agent', async () => {
    let passages = 0;
    const agent = speaker(async (ctx) => {
      passages += 1;
      return (await ask(ctx, `Passage ${passages}?`)).text;
    });
    await expect(runAgent(agent, {}, { model: () => 'hello', crashAfterStep: 1 })).rejects.toThrow(
      NotDeterministicError,
    );
  });

  test('that fails is an error which the agent may handle', async () => {
    const agent = speaker(async (ctx) => {
      try {
        return (await ask(ctx, 'One?')).text;
      } catch (error) {
        return error instanceof AgentError ? error.reason : 'something else';
      }
    });
    const model = () => {
      throw new AgentError('model-provider-unavailable', 'The provider is away.');
    };
    expect((await runAgent(agent, {}, { model })).output).toBe('model-provider-unavailable');
  });

  test('is refused where the test has none, and to an agent that planned none', async () => {
    const agent = speaker(async (ctx) => (await ask(ctx, 'One?')).text);
    await expect(runAgent(agent, {})).rejects.toThrow(TestSetupError);
    const unplanned = speaker(async (ctx) => (await ask(ctx, 'One?')).text, false);
    const run = await runAgent(unplanned, {}, { model: () => 'hello' });
    expect(run.error).toBeInstanceOf(TestSetupError);
  });
});
