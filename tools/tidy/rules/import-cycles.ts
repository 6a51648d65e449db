/** No file reaches itself through imports, types included. */
import { importsOf, isTypeScript, resolveRelative } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

type Graph = ReadonlyMap<string, readonly string[]>;

function graphOf(files: readonly SourceFile[]): Graph {
  const known = new Set(files.map((file) => file.path));
  return new Map(
    files.filter(isTypeScript).map((file) => {
      const targets = importsOf(file)
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => resolveRelative(file.path, specifier));
      return [file.path, [...new Set(targets)].filter((path) => known.has(path))];
    }),
  );
}

/** The first cycle through each back edge of a depth-first walk. */
function cyclesOf(graph: Graph): readonly (readonly string[])[] {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[][] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(path)), path]);
      return;
    }
    state.set(path, 'open');
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    state.set(path, 'done');
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** Cycles between files; move what both sides need into a file below them. */
export const importCycles: Rule = (files) =>
  cyclesOf(graphOf(files)).map(
    (cycle): Finding => ({ path: cycle[0] ?? '', line: 0, message: `import cycle: ${cycle.join(' → ')}` }),
  );
