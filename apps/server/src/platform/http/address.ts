/** What an address itself can get wrong: a key in it, or a method that its route does not take. */
import type { RouteDefinition } from './types.ts';

const KEY = /gld_(live|test)_/i;
const ESCAPE = /%([0-9a-f]{2})/gi;
// Proxies undo escapes too, so one layer is not enough; deeper ones no client makes by accident.
const LAYERS_MAX = 4;

/** Whether an API key stands in the address, in any spelling. Broken escapes beside it do not hide it. */
export function hasKey(url: string): boolean {
  let text = url;
  for (let layer = 0; layer < LAYERS_MAX; layer += 1) {
    if (KEY.test(text)) return true;
    text = text.replaceAll(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return KEY.test(text);
}

/** The methods that some route takes at this address; none when there is nothing there. */
export function createMethodFinder(routes: readonly RouteDefinition[]): (url: string) => readonly string[] {
  const known = routes.map((route) => ({
    pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    methods: route.method === 'GET' ? ['GET', 'HEAD'] : [route.method],
  }));
  return (url) => {
    const [path = ''] = url.split('?', 1);
    return [...new Set(known.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : [])))].toSorted();
  };
}
