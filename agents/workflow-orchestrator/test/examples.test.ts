import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { workflowOrchestrator } from '../src/index.ts';
import { type GraphInput, reportOf, runGraph, statuses, succeeded } from './run.ts';

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

describe('the graphs of the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const graphs = [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map((block): GraphInput => JSON.parse(block[1] ?? ''));

  test('the order gets the answer that is printed there', async () => {
    const run = await runGraph(graphs[0] ?? { steps: [] });
    expect(reportOf(run).output).toEqual({ total: 1090, answer: 'A-17 goes to the key account desk' });
  });

  test('the bookings are given back, the later first, after the third refused payment', async () => {
    const sent: string[] = [];
    const run = await runGraph(graphs[1] ?? { steps: [] }, {
      fetch: (url, { method = 'GET' }) => {
        sent.push(`${method} ${url}`);
        const body = new TextEncoder().encode(JSON.stringify({ id: url.includes('air') ? 'F1' : 'R1' }));
        return { status: url.includes('pay') ? 503 : 200, headers: { 'content-type': 'application/json' }, body };
      },
    });
    expect(statuses(run)).toEqual({ flight: 'compensated', room: 'compensated', pay: 'failed' });
    expect(reportOf(run)).toMatchObject({ status: 'compensated', steps: [{}, {}, { attempts: 3 }] });
    expect(sent.filter((one) => one.startsWith('PUT'))).toHaveLength(3);
    expect(sent.slice(-2).toSorted()).toEqual([
      'DELETE https://air.example/bookings/F1',
      'DELETE https://rooms.example/bookings/R1',
    ]);
  });
});
