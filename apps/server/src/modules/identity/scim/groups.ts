/** Groups of a directory. They carry the roles that the settings of the organisation give them. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { IdentityDeps } from '../types.ts';
import { scimErrors } from './errors.ts';
import { invalid, type Json } from './json.ts';
import { applyPatch } from './patch.ts';
import { GROUP_SHAPE, groupFields, groupResource, unchanged } from './resources.ts';
import * as store from './store.ts';
import type { Directory, GroupFields, ScimGroup } from './types.ts';
import { orTaken, settleRoles } from './users.ts';

export interface GroupWithMembers {
  readonly group: ScimGroup;
  /** Ids of users. */
  readonly members: readonly string[];
}

/** All in a transaction of the organisation of the directory. */
export interface ScimGroups {
  /** @throws 409 `scim.uniqueness`, 400 */
  create(tx: Tx, directory: Directory, group: GroupFields): Promise<GroupWithMembers>;
  /** @throws 404 `scim.not-found` */
  get(tx: Tx, id: string): Promise<GroupWithMembers>;
  /** @throws 404, 409, 400 */
  replace(tx: Tx, directory: Directory, id: string, group: GroupFields): Promise<GroupWithMembers>;
  /** @throws the same */
  patch(tx: Tx, directory: Directory, id: string, body: Json): Promise<GroupWithMembers>;
  /** Its members are what their other groups make them. @throws 404 */
  remove(tx: Tx, directory: Directory, id: string): Promise<void>;
}

const GROUPS_MAX = 2_000;

export function createScimGroups({ ids, audit }: Pick<IdentityDeps, 'ids' | 'audit'>): ScimGroups {
  const record = (tx: Tx, { orgId, tokenId, requestId }: Directory, action: string, id: string) =>
    audit.append(tx, {
      orgId,
      actorType: 'key',
      actorId: tokenId,
      requestId,
      action: `scim-group.${action}`,
      targetType: 'scim-group',
      targetId: id,
    });

  const get = async (tx: Tx, id: string): Promise<GroupWithMembers> => {
    const group = await store.findGroup(tx, id);
    if (!group) throw new GuildhallError(scimErrors.notFound);
    return { group, members: (await store.membersOf(tx, [id])).get(id) ?? [] };
  };

  /** Writes the group and its members; who is in it now or was before may have another role. */
  const put = async (
    tx: Tx,
    { orgId }: Directory,
    { id, fields, before }: { readonly id: string; readonly fields: GroupFields; readonly before: readonly string[] },
  ) => {
    const known = await store.knownUsers(tx, fields.members);
    const stranger = fields.members.find((one) => !known.has(one));
    if (stranger !== undefined) throw invalid('A member of the group is no user of this directory.');
    const group = await orTaken(store.putGroup(tx, orgId, id, fields));
    await store.setMembers(tx, orgId, id, fields.members);
    await settleRoles(tx, [...new Set([...before, ...fields.members])]);
    return { group, members: fields.members };
  };

  const change = async (
    tx: Tx,
    directory: Directory,
    id: string,
    fieldsOf: (before: GroupWithMembers) => GroupFields,
  ): Promise<GroupWithMembers> => {
    await store.lockDirectory(tx, directory.orgId);
    const before = await get(tx, id);
    const changed = await put(tx, directory, { id, fields: fieldsOf(before), before: before.members });
    await record(tx, directory, 'update', id);
    return changed;
  };

  return {
    get,
    async create(tx, directory, fields) {
      await store.lockDirectory(tx, directory.orgId);
      const { total } = await store.listGroups(tx, [], { offset: 0, limit: 0 });
      if (total >= GROUPS_MAX)
        throw new GuildhallError(scimErrors.tooMany, { detail: `The limit is ${GROUPS_MAX} groups.` });
      const made = await put(tx, directory, { id: ids.make('scg'), fields, before: [] });
      await record(tx, directory, 'create', made.group.id);
      return made;
    },
    replace: (tx, directory, id, fields) => change(tx, directory, id, () => fields),
    patch: (tx, directory, id, body) =>
      change(tx, directory, id, ({ group, members }) =>
        groupFields(applyPatch(unchanged(groupResource(group, members, '')), body, GROUP_SHAPE)),
      ),
    async remove(tx, directory, id) {
      await store.lockDirectory(tx, directory.orgId);
      const { members } = await get(tx, id);
      await store.deleteGroup(tx, id);
      await settleRoles(tx, members);
      await record(tx, directory, 'delete', id);
    },
  };
}
