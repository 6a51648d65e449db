/**
 * The changes of RFC 7644 §3.5.2, as directories write them. They work on the folded JSON of a resource, which is then read as if it had been
 * put; attributes that the schema does not have are passed over, since directories send theirs to everybody.
 */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { scimErrors } from './errors.ts';
import { attributeName } from './filter.ts';
import { folded, isObject, type Json } from './json.ts';

const OPERATIONS_MAX = 1_000;
// attribute, the element of a list that is meant, a part of it: emails[type eq "work"].value
const PATH =
  /^([A-Za-z][\w$-]*)(?:\[\s*([A-Za-z]\w*)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)\s*\])?(?:\.([A-Za-z][\w$-]*))?$/i;

/** Which attributes there are, and which of them are lists. */
export interface Shape {
  readonly attributes: readonly string[];
  readonly lists: readonly string[];
}

interface Target {
  readonly attribute: string;
  readonly element: { readonly name: string; readonly value: string | boolean } | undefined;
  readonly part: string | undefined;
}

function parsePath(path: string): Target {
  const [, attribute = '', name, literal, part] = PATH.exec(attributeName(path)) ?? [];
  if (attribute === '') throw new GuildhallError(scimErrors.invalidPath);
  // In the notation of JSON, by the pattern; its case is its own.
  const written = literal === undefined ? '' : path.slice(path.indexOf('['), path.lastIndexOf(']'));
  const exact = /("(?:[^"\\]|\\.)*"|true|false)\s*$/i.exec(written)?.[1] ?? '';
  const element =
    name === undefined
      ? undefined
      : { name, value: exact.startsWith('"') ? unquote(exact) : exact.toLowerCase() === 'true' };
  return { attribute, element, part };
}

function unquote(literal: string): string {
  try {
    // A text in the notation of JSON.
    return JSON.parse(literal) as string;
  } catch (cause) {
    throw new GuildhallError(scimErrors.invalidPath, { cause });
  }
}

type Resource = Record<string, unknown>;

const listAt = (resource: Resource, name: string): readonly unknown[] => {
  const value = resource[name];
  return Array.isArray(value) ? value : [];
};
const valuesOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
const keyOf = (item: unknown): unknown => (isObject(item) ? item.value : item);

function changeList(resource: Resource, { attribute, element, part }: Target, kind: Kind, value: unknown): void {
  const before = listAt(resource, attribute);
  if (!element) {
    if (kind === 'remove') {
      const gone = value === undefined || value === null ? undefined : new Set(valuesOf(value).map(keyOf));
      resource[attribute] = gone === undefined ? [] : before.filter((item) => !gone.has(keyOf(item)));
    } else if (kind === 'replace') resource[attribute] = valuesOf(value);
    else {
      const added = valuesOf(value);
      const keys = new Set(added.map(keyOf));
      resource[attribute] = [...before.filter((item) => !keys.has(keyOf(item))), ...added];
    }
    return;
  }
  const isMeant = (item: unknown) => isObject(item) && item[element.name] === element.value;
  if (kind === 'remove' && part === undefined) {
    resource[attribute] = before.filter((item) => !isMeant(item));
    return;
  }
  const change = (item: Json): Json =>
    part === undefined
      ? { ...item, ...(isObject(value) ? value : {}) }
      : { ...item, [part]: kind === 'remove' ? null : value };
  resource[attribute] =
    before.some(isMeant) || kind === 'remove'
      ? before.map((item) => (isObject(item) && isMeant(item) ? change(item) : item))
      : [...before, change({ [element.name]: element.value })];
}

function changeOne(resource: Resource, { attribute, part }: Target, kind: Kind, value: unknown): void {
  const to = kind === 'remove' ? null : value;
  if (part === undefined) {
    const before = resource[attribute];
    // What is made of parts keeps those that are not named.
    resource[attribute] = isObject(to) && isObject(before) ? { ...before, ...to } : to;
  } else {
    const before = resource[attribute];
    resource[attribute] = { ...(isObject(before) ? before : {}), [part]: to };
  }
}

type Kind = 'add' | 'replace' | 'remove';

function kindOf(op: unknown): Kind {
  const kind = typeof op === 'string' ? op.toLowerCase() : '';
  if (kind === 'add' || kind === 'replace' || kind === 'remove') return kind;
  throw new GuildhallError(scimErrors.invalidSyntax, { detail: 'op is none of add, replace and remove.' });
}

interface Operation {
  readonly path: string;
  readonly kind: Kind;
  readonly value: unknown;
}

function changeAt(resource: Resource, shape: Shape, { path, kind, value }: Operation): void {
  // Extensions have names with colons, which no attribute of ours has.
  if (attributeName(path).startsWith('urn:')) return;
  const target = parsePath(path);
  if (!shape.attributes.includes(target.attribute)) return;
  if (shape.lists.includes(target.attribute)) changeList(resource, target, kind, value);
  else changeOne(resource, target, kind, value);
}

/** The folded resource after the changes of a PatchOp. @throws 400 `scim.invalid-syntax`, `.invalid-path`, `.no-target` */
export function applyPatch(resource: Json, body: unknown, shape: Shape): Json {
  const message = folded(body);
  const operations = isObject(message) ? message.operations : undefined;
  if (!Array.isArray(operations) || operations.length === 0)
    throw new GuildhallError(scimErrors.invalidSyntax, { detail: 'Operations is missing.' });
  if (operations.length > OPERATIONS_MAX) throw new GuildhallError(scimErrors.tooMany);
  const changed: Resource = Object.assign(Object.create(null), resource);
  for (const operation of operations) {
    if (!isObject(operation)) throw new GuildhallError(scimErrors.invalidSyntax);
    const kind = kindOf(operation.op);
    const { path, value } = operation;
    if (typeof path === 'string' && path !== '') changeAt(changed, shape, { path, kind, value });
    else if (path !== undefined && path !== null && path !== '') throw new GuildhallError(scimErrors.invalidPath);
    else if (kind === 'remove' || !isObject(value)) throw new GuildhallError(scimErrors.noTarget);
    else for (const [name, item] of Object.entries(value)) changeAt(changed, shape, { path: name, kind, value: item });
  }
  return changed;
}
