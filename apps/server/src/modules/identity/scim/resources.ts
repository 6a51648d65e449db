/** Users and groups as SCIM writes them (RFC 7643 §4), and as we keep them. */
import { parseEmail } from '../people/email.ts';
import { booleanAt, folded, invalid, isObject, type Json, objectsAt, textAt } from './json.ts';
import type { Shape } from './patch.ts';
import type { GroupFields, ScimGroup, ScimUser, UserFields } from './types.ts';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

export const USER_SHAPE: Shape = {
  attributes: ['username', 'externalid', 'name', 'displayname', 'emails', 'active'],
  lists: ['emails'],
};
export const GROUP_SHAPE: Shape = { attributes: ['displayname', 'externalid', 'members'], lists: ['members'] };

// More than any directory gives one person.
const EMAILS_MAX = 20;
// A group of a whole company; a body holds about twice as many.
export const GROUP_MEMBERS_MAX = 10_000;
const NAME_MAX = 100;
const WORD_MAX = 320;

/** The primary address, else that of work, else the first one. */
function emailIn(user: Json): string | undefined {
  const all = objectsAt(user, 'emails', EMAILS_MAX).filter((one) => textAt(one, 'value', WORD_MAX) !== undefined);
  const best =
    all.find((one) => booleanAt(one, 'primary') === true) ?? all.find((one) => one.type === 'work') ?? all[0];
  return best && textAt(best, 'value', WORD_MAX);
}

/** From the folded body of a directory. @throws 400 `scim.invalid-value` */
export function userFields(user: Json): UserFields {
  const userName = textAt(user, 'username', WORD_MAX);
  if (userName === undefined) throw invalid('userName is missing.');
  const name = isObject(user.name) ? user.name : {};
  const email = emailIn(user);
  if (email !== undefined && !parseEmail(email)) throw invalid('The address is none that mail can be sent to.');
  return {
    userName,
    externalId: textAt(user, 'externalid', WORD_MAX),
    givenName: textAt(name, 'givenname', NAME_MAX),
    familyName: textAt(name, 'familyname', NAME_MAX),
    displayName: textAt(user, 'displayname', NAME_MAX) ?? textAt(name, 'formatted', NAME_MAX),
    email,
    active: booleanAt(user, 'active') ?? true,
  };
}

/** Where mail for somebody goes, and by which they are known as a person; undefined when the directory names no address. */
export const addressOf = ({ email, userName }: Pick<UserFields, 'email' | 'userName'>) => parseEmail(email ?? userName);

/** How somebody is called, by what the directory says of them. */
export function nameOf(user: UserFields): string {
  const full = [user.givenName, user.familyName].filter((one) => one !== undefined).join(' ');
  return (user.displayName ?? (full === '' ? user.userName : full)).slice(0, NAME_MAX);
}

const absent = (fields: Readonly<Record<string, unknown>>): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const metaOf = (type: 'User' | 'Group', one: { id: string; createdAt: Date; updatedAt: Date }, base: string): Json => ({
  resourceType: type,
  created: one.createdAt.toISOString(),
  lastModified: one.updatedAt.toISOString(),
  location: `${base}/${type}s/${one.id}`,
});

/** `base` is the address that the paths of SCIM begin with. */
export function userResource(user: ScimUser, base: string): Json {
  const name = absent({ givenName: user.givenName, familyName: user.familyName });
  return absent({
    schemas: [USER_SCHEMA],
    id: user.id,
    externalId: user.externalId,
    userName: user.userName,
    name: Object.keys(name).length === 0 ? undefined : name,
    displayName: user.displayName,
    emails: user.email === undefined ? undefined : [{ value: user.email, type: 'work', primary: true }],
    active: user.active,
    meta: metaOf('User', user, base),
  });
}

/** From the folded body of a directory. @throws 400 `scim.invalid-value`, `scim.too-many` */
export function groupFields(group: Json): GroupFields {
  const displayName = textAt(group, 'displayname', WORD_MAX);
  if (displayName === undefined) throw invalid('displayName is missing.');
  const members = objectsAt(group, 'members', GROUP_MEMBERS_MAX).map((one) => {
    const id = textAt(one, 'value', WORD_MAX);
    if (id === undefined) throw invalid('A member has no value.');
    return id;
  });
  return { displayName, externalId: textAt(group, 'externalid', WORD_MAX), members: [...new Set(members)] };
}

export const groupResource = (group: ScimGroup, members: readonly string[] | undefined, base: string): Json =>
  absent({
    schemas: [GROUP_SCHEMA],
    id: group.id,
    externalId: group.externalId,
    displayName: group.displayName,
    members: members?.map((id) => ({ value: id, $ref: `${base}/Users/${id}`, type: 'User' })),
    meta: metaOf('Group', group, base),
  });

/** The folded form that a change begins with. */
export const unchanged = (resource: Json): Json => folded(resource) as Json;

/** What the query asks to see of a resource (RFC 7644 §3.9); the names that identify it are always there. */
export function project(
  resource: Json,
  query: { readonly attributes?: string | undefined; readonly excludedAttributes?: string | undefined },
): Json {
  const names = (list: string) => new Set(list.split(',').map((one) => one.trim().split('.')[0]?.toLowerCase() ?? ''));
  const kept = query.attributes === undefined ? undefined : names(query.attributes);
  const dropped = query.excludedAttributes === undefined ? undefined : names(query.excludedAttributes);
  const isShown = (name: string) => (kept ? kept.has(name) : !dropped?.has(name));
  const always = new Set(['schemas', 'id', 'meta']);
  return Object.fromEntries(
    Object.entries(resource).filter(([name]) => always.has(name) || isShown(name.toLowerCase())),
  );
}
