import { describe, expect, test } from 'vitest';
import { criticalPath } from './critical-path.ts';
import { type LayoutNode, layOut } from './layout.ts';

/** Pairs of lines between neighbouring layers that cross. */
function crossings(nodes: readonly LayoutNode[]): number {
  const places = layOut(nodes);
  const lines = nodes.flatMap((node) =>
    node.needs.map((need) => ({ from: places.get(need), to: places.get(node.id) })),
  );
  return lines.flatMap((one, index) =>
    lines.slice(index + 1).filter((other) => {
      if (!one.from || !one.to || !other.from || !other.to || one.from.layer !== other.from.layer) return false;
      return (one.from.y - other.from.y) * (one.to.y - other.to.y) < 0;
    }),
  ).length;
}

describe('the layout', () => {
  test('puts each node one layer behind the last thing it needs', () => {
    const places = layOut([
      { id: 'a', needs: [] },
      { id: 'b', needs: ['a'] },
      { id: 'c', needs: ['a', 'b'] },
    ]);
    expect([...places.values()].map((place) => place.layer)).toEqual([0, 1, 2]);
  });

  test('untangles two chains written crosswise', () => {
    const nodes = [
      { id: 'a', needs: [] },
      { id: 'b', needs: [] },
      { id: 'c', needs: [] },
      { id: 'x', needs: ['c'] },
      { id: 'y', needs: ['b'] },
      { id: 'z', needs: ['a'] },
    ];
    expect(crossings(nodes)).toBe(0);
  });

  test('is the same for the same graph', () => {
    const nodes = Array.from({ length: 40 }, (_, index) => ({
      id: `n${index}`,
      needs: index < 3 ? [] : [`n${index - 3}`, `n${(index * 7) % index}`],
    }));
    expect([...layOut(nodes)]).toEqual([...layOut(nodes)]);
  });
});

describe('the critical path', () => {
  test('is the dependent chain with the greatest sum of durations', () => {
    expect(
      criticalPath([
        { id: 'a', after: [], durationMs: 10 },
        { id: 'b', after: [], durationMs: 100 },
        { id: 'c', after: ['a'], durationMs: 95 },
        { id: 'd', after: ['b', 'c'], durationMs: 1 },
        { id: 'e', after: ['b'], durationMs: 5 },
      ]),
    ).toEqual({ ids: ['a', 'c', 'd'], ms: 106 });
  });

  test('of nothing is empty, and of instant steps the longest chain', () => {
    expect(criticalPath([])).toEqual({ ids: [], ms: 0 });
    const instant = [
      { id: 'a', after: [], durationMs: 0 },
      { id: 'b', after: ['a'], durationMs: 0 },
    ];
    expect(criticalPath(instant)).toEqual({ ids: ['a', 'b'], ms: 0 });
  });
});
