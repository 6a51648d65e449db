/** Where the steps stand in a drawing: from left to right in layers, each to the right of all it needs. */

export interface LayoutNode {
  readonly id: string;
  /** Ids of the steps it needs. */
  readonly needs: readonly string[];
}

export interface Place {
  readonly layer: number;
  readonly x: number;
  readonly y: number;
}

/** Distance between the centres of neighbours, in pixels of a drawing with nodes of 180 × 64. */
const X_STEP = 240;
const Y_STEP = 104;
/** Passes of reordering; more change little in graphs of this size. */
const SWEEPS = 4;

/**
 * A place for every node. The layer is the longest way from a first step; within a layer the order follows the mean place of the
 * neighbours, which keeps crossings few. Layers are centred on y = 0. The same graph always gives the same drawing.
 * Nodes must come after all they need.
 */
export function layOut(nodes: readonly LayoutNode[]): ReadonlyMap<string, Place> {
  const layerOf = new Map<string, number>();
  for (const node of nodes)
    layerOf.set(node.id, Math.max(-1, ...node.needs.map((need) => layerOf.get(need) ?? -1)) + 1);
  const layers: string[][] = [];
  for (const node of nodes) {
    const layer = layerOf.get(node.id) ?? 0;
    layers[layer] = [...(layers[layer] ?? []), node.id];
  }
  const before = new Map(nodes.map((node) => [node.id, node.needs]));
  const after = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const node of nodes) for (const need of node.needs) after.get(need)?.push(node.id);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForward = sweep % 2 === 0;
    const neighbours = isForward ? before : after;
    const order = isForward ? layers.keys() : [...layers.keys()].toReversed();
    for (const layer of order) layers[layer] = reordered(layers[layer] ?? [], neighbours, positions(layers));
  }
  return new Map(
    layers.flatMap((ids, layer) =>
      ids.map((id, index): readonly [string, Place] => [
        id,
        { layer, x: layer * X_STEP, y: (index - (ids.length - 1) / 2) * Y_STEP },
      ]),
    ),
  );
}

/** Each node's place in its layer, from -0.5 (first) to 0.5 (last). */
function positions(layers: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  return new Map(
    layers.flatMap((ids) => ids.map((id, index): readonly [string, number] => [id, (index + 0.5) / ids.length - 0.5])),
  );
}

function reordered(
  ids: readonly string[],
  neighbours: ReadonlyMap<string, readonly string[]>,
  position: ReadonlyMap<string, number>,
): string[] {
  const weight = (id: string): number => {
    const near = (neighbours.get(id) ?? []).map((one) => position.get(one) ?? 0);
    return near.length === 0 ? (position.get(id) ?? 0) : near.reduce((sum, one) => sum + one, 0) / near.length;
  };
  return ids
    .map((id, index) => ({ id, index, weight: weight(id) }))
    .sort((one, other) => one.weight - other.weight || one.index - other.index)
    .map((one) => one.id);
}
