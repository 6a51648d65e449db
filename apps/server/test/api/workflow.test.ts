/** The workflow-orchestrator on the real platform: waits, people, children, failures. */
import { setTimeout } from 'node:timers/promises';
import { AgentError, defineAgent } from '@guildhall/agent-sdk';
import { workflowOrchestrator } from '@guildhall/agent-workflow-orchestrator';
import type { Run } from '@guildhall/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const made: string[] = [];

const worker = defineAgent({
  id: 'worker',
  version: '1.0.0',
  title: 'Worker',
  summary: 'Works.',
  description: 'Works.',
  category: 'test',
  needsModel: false,
  limits: { timeoutMs: 5_000, stepsMax: 5 },
  input: z.strictObject({ name: z.string(), fails: z.boolean().default(false) }),
  output: z.strictObject({ name: z.string() }),
  examples: [],
  async run(ctx, input) {
    await ctx.step('work', async () => {
      made.push(input.name);
      if (input.fails) throw new AgentError('broken', 'It broke.');
      return null;
    });
    return { name: input.name };
  },
});

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(workflowOrchestrator, worker) });
});
afterAll(() => platform.close());

const start = (input: unknown, wait = 20) =>
  platform.call<Run>('POST', `/v1/agents/workflow-orchestrator/runs?wait=${wait}`, { input });
async function until(id: string): Promise<Run> {
  for (;;) {
    const { body } = await platform.call<Run>('GET', `/v1/runs/${id}`);
    if (body.finishedAt !== null) return body;
    await setTimeout(20);
  }
}
const call = (id: string, needs: string[] = [], more: object = {}) => ({
  id,
  kind: 'agent',
  agent: 'worker',
  input: { name: id },
  needs,
  ...more,
});

it('branches run side by side while one waits, and each child is made once and paid once', async () => {
  const { status, body } = await start({
    steps: [
      call('a'),
      { id: 'nap', kind: 'wait', durationMs: 400 },
      call('b', ['a']),
      call('c', ['a']),
      call('d', ['nap', 'b', 'c']),
    ],
    output: 'done ${{ steps.d.output.name }}',
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 'succeeded', output: { status: 'succeeded', output: 'done d' } });
  expect(made.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  expect(BigInt(body.cost.nanos)).toBe(5n * 47_500_000n);
});

it('a person decides, a failure is retried and compensated last first', async () => {
  made.length = 0;
  const undo = (name: string) => [{ kind: 'agent', agent: 'worker', input: { name: `undo ${name}` } }];
  const { body: waiting } = await start(
    {
      steps: [
        { id: 'ask', kind: 'approval', request: 'Go on?' },
        call('a', ['ask'], { compensate: undo('a') }),
        call('b', ['a'], { compensate: undo('b') }),
        {
          ...call('bad', ['b'], { retry: { attemptsMax: 2, firstDelayMs: 50 }, onFailure: 'compensate' }),
          input: { name: 'bad', fails: true },
        },
      ],
    },
    1,
  );
  expect(waiting).toMatchObject({ status: 'waiting', waitingFor: 'approval' });
  const stream = await fetch(`${platform.url}/v1/runs/${waiting.id}/events`, {
    headers: { authorization: `Bearer ${platform.key}` },
  });
  const reader = stream.body?.getReader();
  let text = '';
  while (!text.includes('approvalId')) text += new TextDecoder().decode((await reader?.read())?.value);
  await reader?.cancel();
  const approvalId = /"approvalId":"([^"]+)"/.exec(text)?.[1];
  await platform.call('POST', `/v1/runs/${waiting.id}/approvals/${approvalId}`, { decision: 'approve' });
  const ended = await until(waiting.id);
  expect(made).toEqual(['a', 'b', 'bad', 'bad', 'undo b', 'undo a']);
  expect(ended).toMatchObject({
    status: 'succeeded',
    output: {
      status: 'compensated',
      steps: [
        { id: 'ask', status: 'succeeded' },
        { id: 'a', status: 'compensated' },
        { id: 'b', status: 'compensated' },
        { id: 'bad', status: 'failed', attempts: 2, error: { code: 'agent.broken' } },
      ],
    },
  });
  // This run, a, b and both compensations; the two failed runs cost nothing.
  expect(BigInt(ended.cost.nanos)).toBe(5n * 47_500_000n);
});

it('a cycle is refused with its names, and nothing is charged', async () => {
  const { status, body } = await start({ steps: [call('a', ['b']), call('b', ['a'])] });
  expect(status).toBe(422);
  expect(JSON.stringify(body)).toMatch(/a → b → a/);
});

it('a request to a private address is a failed step, not a failed run', async () => {
  const { body } = await start({
    steps: [
      { id: 'inside', kind: 'http', url: 'http://127.0.0.1:9/', onFailure: 'skip' },
      { id: 'after', kind: 'transform', value: 1, needs: ['inside'] },
    ],
  });
  expect(body).toMatchObject({
    status: 'succeeded',
    output: {
      status: 'partial',
      steps: [{ status: 'failed', error: { code: 'agent.fetch-denied' } }, { status: 'skipped' }],
    },
  });
});
