/** Migrations carry a number, an owner and their lock; tables of organisations are walled. */
import type { Finding, Rule, SourceFile } from '../types.ts';
import { MODULE_LINES } from './import-direction.ts';

const FOLDER = 'apps/server/migrations/';
const NAME = /^(\d{4})-([a-z]+(?:-api)?)-[a-z0-9]+(-[a-z0-9]+)*\.sql$/;
const OWNERS = new Set([...MODULE_LINES.flat(), 'platform']);

function nameFaults(file: SourceFile): readonly Finding[] {
  const match = NAME.exec(file.path.slice(FOLDER.length));
  const at = (message: string): readonly Finding[] => [{ path: file.path, line: 0, message }];
  if (!match) return at('is not named NNNN-<module>-<what>.sql');
  return OWNERS.has(match[2] ?? '') ? [] : at(`${match[2]} is no module`);
}

function headerFaults(file: SourceFile): readonly Finding[] {
  return /^-- Lock: \S/.test(file.text)
    ? []
    : [{ path: file.path, line: 1, message: 'does not begin with "-- Lock: …" (which locks, for how long)' }];
}

function twins(files: readonly SourceFile[]): readonly Finding[] {
  const numbers = new Map<string, string>();
  return files.flatMap((file) => {
    const number = file.path.slice(FOLDER.length, FOLDER.length + 4);
    const first = numbers.get(number);
    if (first === undefined) numbers.set(number, file.path);
    return first === undefined ? [] : [{ path: file.path, line: 0, message: `has the number of ${first}` }];
  });
}

/** `create table a.b ( … )` with what stands between the brackets. */
function tablesIn(sql: string): readonly { readonly name: string; readonly body: string; readonly offset: number }[] {
  const bare = sql.replace(/--.*$/gm, (note) => ' '.repeat(note.length));
  return [...bare.matchAll(/create\s+(?:unlogged\s+)?table\s+(?:if not exists\s+)?([a-z_]+\.[a-z_]+)\s*\(/gi)].map(
    (match) => {
      let depth = 1;
      let end = match.index + match[0].length;
      for (; depth > 0 && end < bare.length; end += 1) depth += bare[end] === '(' ? 1 : bare[end] === ')' ? -1 : 0;
      return { name: match[1] ?? '', body: bare.slice(match.index, end), offset: match.index };
    },
  );
}

function unwalled(files: readonly SourceFile[]): readonly Finding[] {
  const walled = new Set(
    files.flatMap(({ text }) =>
      [...text.matchAll(/platform\.protect_tenant_table\(\s*'([a-z_.]+)'/g)].map((match) => match[1] ?? ''),
    ),
  );
  return files.flatMap((file) =>
    tablesIn(file.text)
      .filter(({ name, body }) => /\borg_id\b/.test(body) && !walled.has(name))
      .map(({ name, offset }) => ({
        path: file.path,
        line: file.text.slice(0, offset).split('\n').length,
        message: `${name} has org_id but is not walled: call platform.protect_tenant_table('${name}')`,
      })),
  );
}

/** Names, headers, numbers and walls of migrations. */
export const migrations: Rule = (files) => {
  const found = files.filter((file) => file.path.startsWith(FOLDER)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return [...found.flatMap(nameFaults), ...found.flatMap(headerFaults), ...twins(found), ...unwalled(found)];
};
