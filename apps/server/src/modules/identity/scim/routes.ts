/** The HTTP routes of SCIM 2.0 (RFC 7644), for directories. */
import { scimBody, scimParams, scimQuery, scimResource } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Answer, type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { listResponse, PAGE_MAX, resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { scimErrors, scimProblem } from './errors.ts';
import { parseFilter } from './filter.ts';
import type { GroupWithMembers, ScimGroups } from './groups.ts';
import { folded, type Json } from './json.ts';
import { groupFields, groupResource, project, userFields, userResource } from './resources.ts';
import { GROUP_FILTERS, listGroups, listUsers, membersOf, USER_FILTERS } from './store.ts';
import type { Directory, GroupFields, ScimUser, UserFields } from './types.ts';
import type { ScimUsers } from './users.ts';

const TAG = 'SCIM';
const BASE = '/scim/v2';
const MEDIA_TYPE = 'application/scim+json';
const FORM = { tag: TAG, scope: 'directory', mediaType: MEDIA_TYPE, problemBody: scimProblem } as const;

// A page of groups with their members; without them there is room for more.
const GROUPS_WITH_MEMBERS_MAX = 20;
const PAGE_USUAL = 100;

const directoryOf = ({ principal, requestId }: { principal: Principal; requestId: string }): Directory => ({
  orgId: principal.orgId,
  tokenId: principal.keyId,
  requestId,
});

// What is posted is an object; its schema lets every member through.
const read = (body: object): Json => folded(body) as Json;

interface Query {
  readonly startIndex?: string | undefined;
  readonly count?: string | undefined;
}

/** RFC 7644 §3.4.2.4: what is too small is as small as can be, and what is too large as large. */
function pageOf({ startIndex, count }: Query, max: number): { readonly offset: number; readonly limit: number } {
  const whole = (text: string | undefined, usual: number): number => {
    if (text === undefined) return usual;
    if (!/^-?\d{1,9}$/.test(text)) throw new GuildhallError(scimErrors.invalidValue, { detail: 'A number is none.' });
    return Number(text);
  };
  const limit = Math.min(max, Math.max(0, whole(count, PAGE_USUAL)));
  return { offset: Math.max(1, whole(startIndex, 1)) - 1, limit };
}

export function scimRoutes(users: ScimUsers, groups: ScimGroups, publicUrl: () => string): readonly RouteDefinition[] {
  const base = () => `${publicUrl()}${BASE}`;
  return [
    ...discoveryRoutes(base),
    ...userReading(users, base),
    ...writing(userKind(users), base),
    ...groupReading(groups, base),
    ...writing(groupKind(groups), base),
  ];
}

function discoveryRoutes(base: () => string): readonly RouteDefinition[] {
  const one = (path: string, summary: string, body: (base: string) => Json) =>
    route({
      ...FORM,
      method: 'GET',
      path: `${BASE}/${path}`,
      summary,
      query: scimQuery,
      responses: { 200: scimResource },
      handler: async () => ({ status: 200, body: body(base()) }),
    });
  const all = (list: readonly Json[]): Json => listResponse({ resources: list, total: list.length, startIndex: 1 });
  const named = (path: string, summary: string, list: (base: string) => readonly Json[]) =>
    route({
      ...FORM,
      method: 'GET',
      path: `${BASE}/${path}/{id}`,
      summary,
      params: scimParams,
      query: scimQuery,
      responses: { 200: scimResource },
      async handler({ params }) {
        const body = list(base()).find((item) => item.id === params.id);
        if (!body) throw new GuildhallError(scimErrors.notFound);
        return { status: 200, body };
      },
    });
  return [
    one('ServiceProviderConfig', 'Show what of SCIM is done here.', serviceProviderConfig),
    one('ResourceTypes', 'List the types of resources.', (at) => all(resourceTypes(at))),
    named('ResourceTypes', 'Show a type of resources.', resourceTypes),
    one('Schemas', 'List the schemas of resources.', (at) => all(schemas(at))),
    named('Schemas', 'Show a schema of resources.', schemas),
  ];
}

const userAnswer = (
  status: 200 | 201,
  user: ScimUser,
  base: string,
  query: Parameters<typeof project>[1],
): Answer<Json> => ({
  status,
  body: project(userResource(user, base), query),
});

function userReading(users: ScimUsers, base: () => string): readonly RouteDefinition[] {
  return [
    route({
      ...FORM,
      method: 'GET',
      path: `${BASE}/Users`,
      summary: 'List the users of the directory, in the order of their making.',
      query: scimQuery,
      responses: { 200: scimResource },
      async handler({ query, read: inTransaction }) {
        const filter = query.filter === undefined ? [] : parseFilter(query.filter, USER_FILTERS);
        const page = pageOf(query, PAGE_MAX);
        const { found, total } = await inTransaction((tx) => listUsers(tx, filter, page));
        const resources = found.map((one) => project(userResource(one, base()), query));
        return { status: 200, body: listResponse({ resources, total, startIndex: page.offset + 1 }) };
      },
    }),
    route({
      ...FORM,
      method: 'GET',
      path: `${BASE}/Users/{id}`,
      summary: 'Show a user of the directory.',
      params: scimParams,
      query: scimQuery,
      responses: { 200: scimResource },
      handler: async ({ params, query, read: inTransaction }) =>
        userAnswer(200, await inTransaction((tx) => users.get(tx, params.id)), base(), query),
    }),
  ];
}

const groupAnswer = (
  status: 200 | 201,
  { group, members }: GroupWithMembers,
  base: string,
  query: Parameters<typeof project>[1],
): Answer<Json> => ({ status, body: project(groupResource(group, members, base), query) });

function groupReading(groups: ScimGroups, base: () => string): readonly RouteDefinition[] {
  return [
    route({
      ...FORM,
      method: 'GET',
      path: `${BASE}/Groups`,
      summary: 'List the groups of the directory, in the order of their making.',
      query: scimQuery,
      responses: { 200: scimResource },
      async handler({ query, read: inTransaction }) {
        const filter = query.filter === undefined ? [] : parseFilter(query.filter, GROUP_FILTERS);
        const withMembers = 'members' in project({ members: [] }, query);
        const page = pageOf(query, withMembers ? GROUPS_WITH_MEMBERS_MAX : PAGE_MAX);
        const { found, total, members } = await inTransaction(async (tx) => {
          const list = await listGroups(tx, filter, page);
          const ids = withMembers ? list.found.map(({ id }) => id) : [];
          return { ...list, members: await membersOf(tx, ids) };
        });
        const resources = found.map((one) => project(groupResource(one, members.get(one.id) ?? [], base()), query));
        return { status: 200, body: listResponse({ resources, total, startIndex: page.offset + 1 }) };
      },
    }),
    route({
      ...FORM,
      method: 'GET',
      path: `${BASE}/Groups/{id}`,
      summary: 'Show a group of the directory.',
      params: scimParams,
      query: scimQuery,
      responses: { 200: scimResource },
      handler: async ({ params, query, read: inTransaction }) =>
        groupAnswer(200, await inTransaction((tx) => groups.get(tx, params.id)), base(), query),
    }),
  ];
}

/** What can be done with the resources of one kind; `ScimUsers` and `ScimGroups` are such. */
interface Changes<F, R> {
  create(tx: Tx, directory: Directory, fields: F): Promise<R>;
  replace(tx: Tx, directory: Directory, id: string, fields: F): Promise<R>;
  patch(tx: Tx, directory: Directory, id: string, body: Json): Promise<R>;
  remove(tx: Tx, directory: Directory, id: string): Promise<void>;
}

interface Kind<F, R> {
  readonly path: 'Users' | 'Groups';
  readonly changes: Changes<F, R>;
  readonly fieldsIn: (body: Json) => F;
  readonly answer: (status: 200 | 201, one: R, base: string, query: Parameters<typeof project>[1]) => Answer<Json>;
  readonly summaries: Readonly<Record<'create' | 'replace' | 'patch' | 'remove', string>>;
}

function writing<F, R>({ path, changes, fieldsIn, answer, summaries }: Kind<F, R>, base: () => string) {
  const all = { ...FORM, path: `${BASE}/${path}`, query: scimQuery, body: scimBody } as const;
  const one = { ...all, path: `${BASE}/${path}/{id}`, params: scimParams } as const;
  return [
    route({
      ...all,
      method: 'POST',
      summary: summaries.create,
      responses: { 201: scimResource },
      handler: (call) =>
        call.mutate(async (tx) => {
          const made = await changes.create(tx, directoryOf(call), fieldsIn(read(call.body)));
          return answer(201, made, base(), call.query);
        }),
    }),
    route({
      ...one,
      method: 'PUT',
      summary: summaries.replace,
      responses: { 200: scimResource },
      handler: (call) =>
        call.mutate(async (tx) => {
          const put = await changes.replace(tx, directoryOf(call), call.params.id, fieldsIn(read(call.body)));
          return answer(200, put, base(), call.query);
        }),
    }),
    route({
      ...one,
      method: 'PATCH',
      summary: summaries.patch,
      responses: { 200: scimResource },
      handler: (call) =>
        call.mutate(async (tx) => {
          const changed = await changes.patch(tx, directoryOf(call), call.params.id, call.body);
          return answer(200, changed, base(), call.query);
        }),
    }),
    route({
      ...FORM,
      method: 'DELETE',
      path: one.path,
      summary: summaries.remove,
      params: scimParams,
      query: scimQuery,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await changes.remove(tx, directoryOf(call), call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}

const userKind = (changes: ScimUsers): Kind<UserFields, ScimUser> => ({
  path: 'Users',
  changes,
  fieldsIn: userFields,
  answer: userAnswer,
  summaries: {
    create: 'Add a user: they become a member where their address is of a verified domain, and are invited elsewhere.',
    replace: 'Replace what is said of a user.',
    patch: 'Change a user; one that is not active is no member any more, at once.',
    remove: 'Remove a user; they are no member any more, at once.',
  },
});

const groupKind = (changes: ScimGroups): Kind<GroupFields, GroupWithMembers> => ({
  path: 'Groups',
  changes,
  fieldsIn: groupFields,
  answer: groupAnswer,
  summaries: {
    create: 'Add a group; its members get the role that the settings give it.',
    replace: 'Replace a group and its members.',
    patch: 'Change a group or its members.',
    remove: 'Remove a group; its members get the roles of their other groups.',
  },
});
