/** Each schema is spoken to by one place only. */
import type { Node } from 'oxc-parser';
import { isTestPath, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';
import { MODULE_LINES } from './import-direction.ts';

const MODULE_SCHEMAS = MODULE_LINES.flat().map((module) => module.replaceAll('-', '_'));
const SCHEMAS = [...MODULE_SCHEMAS, 'durable', 'platform'];
const NAMED = new RegExp(`(?<![\\w.$])(${SCHEMAS.join('|')})\\.([a-z_]+)(\\s*\\()?`, 'g');
/** Outside of tagged SQL a dotted word is often an event or an error code, so a verb of SQL must stand before it. */
const SQL_VERB = /\b(from|join|into|update|call|table|truncate|select)\s+$/i;

interface Mention {
  readonly schema: string;
  readonly isCall: boolean;
  readonly offset: number;
}

function mentionsIn(text: string, start: number, isTagged: boolean): readonly Mention[] {
  const bare = text
    .replace(/'[^']*'/g, (quoted) => ' '.repeat(quoted.length))
    .replace(/--.*$/gm, (note) => ' '.repeat(note.length));
  return [...bare.matchAll(NAMED)]
    .filter((match) => isTagged || SQL_VERB.test(bare.slice(0, match.index)))
    .map((match) => ({ schema: match[1] ?? '', isCall: match[3] !== undefined, offset: start + match.index }));
}

function isSqlTag(node: Node | undefined): boolean {
  return node?.type === 'TaggedTemplateExpression' && node.tag.type === 'Identifier' && node.tag.name === 'sql';
}

function mentionsOf(file: SourceFile): readonly Mention[] {
  const found: Mention[] = [];
  walk(file, (node, above) => {
    if (node.type === 'TemplateLiteral') {
      const tagged = isSqlTag(above.at(-1));
      for (const part of node.quasis) found.push(...mentionsIn(part.value.raw, part.start, tagged));
    } else if (node.type === 'Literal' && typeof node.value === 'string') {
      found.push(...mentionsIn(node.value, node.start, false));
    }
  });
  return found;
}

/** `modules/runs/store.ts`, `modules/runs/store/…` and `modules/models/book/store.ts` own their module's schema; a part of the platform owns `platform` and its own name. */
function ownedBy(path: string): readonly string[] {
  const store = /^apps\/server\/src\/modules\/([^/]+)\/(?:[^/]+\/)?store(\.ts|[-/])/.exec(path);
  if (store?.[1]) return [store[1].replaceAll('-', '_')];
  const part = /^apps\/server\/src\/platform\/([^/]+)\//.exec(path);
  return part?.[1] ? ['platform', part[1]] : [];
}

/** Functions of the schema platform (`platform.now()`) are for everyone; its tables are not. */
const isShared = (mention: Mention): boolean => mention.schema === 'platform' && mention.isCall;

function inCode(file: SourceFile): readonly Finding[] {
  const owned = ownedBy(file.path);
  return mentionsOf(file)
    .filter((mention) => !owned.includes(mention.schema) && !isShared(mention))
    .map(({ schema, offset }) => ({
      path: file.path,
      line: lineAt(file, offset),
      message: `schema ${schema} is named here; only its owner's store may (modules/${schema}/store* or its part of the platform)`,
    }));
}

function inMigration(file: SourceFile): readonly Finding[] {
  const owner = /\/\d{4}-([a-z]+)-/.exec(file.path)?.[1];
  if (owner === undefined || owner === 'platform') return [];
  return mentionsIn(file.text, 0, true)
    .filter(({ schema, isCall }) => schema !== owner && schema !== 'platform' && !isCall)
    .map(({ schema, offset }) => ({
      path: file.path,
      line: lineAt(file, offset),
      message: `a migration of ${owner} names schema ${schema}: only its functions may be called from here, its tables may not be named`,
    }));
}

/** Who may name which schema, in code and in migrations. */
export const sqlOwnership: Rule = (files) => [
  ...files
    .filter((file) => isTypeScript(file) && file.path.startsWith('apps/server/src/') && !isTestPath(file.path))
    .flatMap(inCode),
  ...files.filter((file) => /^apps\/server\/migrations\/.*\.sql$/.test(file.path)).flatMap(inMigration),
];
