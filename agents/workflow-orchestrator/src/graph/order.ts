/** Order in a graph: cycles, a sequence in which every step follows what it needs, and who comes before whom. */

/** The ids a step needs, by its id. Needs that name no step of the map are ignored. */
export type NeedsById = ReadonlyMap<string, readonly string[]>;

/** A cycle as the list of its steps, each needing the next and the last needing the first; undefined when there is none. */
export function findCycle(graph: NeedsById): readonly string[] | undefined {
  const done = new Set<string>();
  for (const start of graph.keys()) {
    if (done.has(start)) continue;
    const trail: { readonly id: string; next: number }[] = [{ id: start, next: 0 }];
    const onTrail = new Set([start]);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const need = (graph.get(top.id) ?? [])[top.next];
      top.next += 1;
      if (need === undefined) {
        done.add(top.id);
        onTrail.delete(top.id);
        trail.pop();
      } else if (onTrail.has(need)) {
        const ids = trail.map((one) => one.id);
        return ids.slice(ids.indexOf(need));
      } else if (graph.has(need) && !done.has(need)) {
        trail.push({ id: need, next: 0 });
        onTrail.add(need);
      }
    }
  }
  return undefined;
}

/** Every step after all it needs, otherwise in the order of the map. The graph must have no cycle. */
export function sequence(graph: NeedsById): readonly string[] {
  const placed = new Set<string>();
  const visit = (id: string): void => {
    if (placed.has(id)) return;
    for (const need of graph.get(id) ?? []) if (graph.has(need)) visit(need);
    placed.add(id);
  };
  for (const id of graph.keys()) visit(id);
  return [...placed];
}

/** For each step, all that come before it, however far. The graph must have no cycle. */
export function ancestors(graph: NeedsById): ReadonlyMap<string, ReadonlySet<string>> {
  const before = new Map<string, ReadonlySet<string>>();
  for (const id of sequence(graph)) {
    const mine = new Set<string>();
    for (const need of graph.get(id) ?? []) {
      if (!graph.has(need)) continue;
      mine.add(need);
      for (const far of before.get(need) ?? []) mine.add(far);
    }
    before.set(id, mine);
  }
  return before;
}
