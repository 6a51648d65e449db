import { describe, expect, test } from 'vitest';
import { workflowOrchestrator } from '../src/index.ts';
import { reportOf, runGraph, statuses, succeeded } from './run.ts';

const [order, cleaning] = workflowOrchestrator.examples;

describe('the examples', () => {
  test('an order of 1090 goes to the desk', async () => {
    const run = await runGraph(order?.input ?? { steps: [] });
    expect(reportOf(run)).toMatchObject({
      status: 'succeeded',
      output: { total: 1090, answer: 'A-17 goes to the key account desk' },
      cost: { nanos: '0', currency: 'USD' },
    });
    expect(statuses(run)).toMatchObject({ desk: 'succeeded', auto: 'skipped', answer: 'succeeded' });
  });

  test.each([
    [0, 'skipped'],
    [1, 'succeeded'],
  ])('with %d rejected rows the review is %s', async (rows, expected) => {
    const run = await runGraph(cleaning?.input ?? { steps: [] }, {
      call: () => succeeded({ files: [{ name: 'result.json' }], rejects: { rows, first: [] } }),
      approve: (_name, request) => {
        expect(request.title).toBe('1 rows were rejected. Go on without them?');
        return { decision: 'approve', comment: null };
      },
    });
    expect(statuses(run)).toMatchObject({ review: expected, done: 'succeeded' });
    expect(reportOf(run).output).toEqual([{ name: 'result.json' }]);
  });
});

describe('the picture', () => {
  test('shows every step to the right of all it needs, none on top of another', async () => {
    const { nodes, edges } = reportOf(await runGraph(order?.input ?? { steps: [] })).picture;
    const place = new Map(nodes.map((node) => [node.id, node]));
    expect(nodes.map((node) => [node.id, node.layer])).toEqual([
      ['total', 0],
      ['size', 1],
      ['desk', 2],
      ['auto', 2],
      ['answer', 3],
    ]);
    expect(edges).toContainEqual({ from: 'size', to: 'desk', branch: 'large', isTaken: true });
    expect(edges).toContainEqual({ from: 'size', to: 'auto', branch: 'small', isTaken: false });
    for (const edge of edges) expect(place.get(edge.from)?.x).toBeLessThan(place.get(edge.to)?.x ?? 0);
    expect(new Set(nodes.map((node) => `${node.x} ${node.y}`)).size).toBe(nodes.length);
  });
});
