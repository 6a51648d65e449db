/** What is decided from outside: who runs the installation, and who may not come in any more. */
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { asOrganisation } from '../store.ts';
import { getPerson } from './account.ts';
import { type PeopleDeps, recordPerson } from './deps.ts';
import type { Email } from './email.ts';
import { peopleErrors } from './errors.ts';
import { emailOf } from './sign-up.ts';
import {
  findPeople,
  forgetPending,
  insertMembership,
  insertPerson,
  listMembershipsOf,
  setStanding,
  voidLinks,
} from './store.ts';
import type { Person } from './types.ts';

export interface AdminLinkInput {
  readonly token: string;
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

export interface Standing {
  /**
   * Disables a person or lifts it, makes them an operator or takes that back. Disabling ends their sessions everywhere within a second,
   * and links mailed before are of no use when it is lifted.
   * In the operator's transaction. @throws 404 `people.not-found`
   */
  setStanding(
    tx: Tx,
    operator: { readonly principal: Principal; readonly requestId: string },
    to: {
      readonly personId: string;
      readonly isDisabled?: boolean | undefined;
      readonly isOperator?: boolean | undefined;
    },
  ): Promise<Person>;
  /**
   * Uses an admin link up: whoever holds it, from the screen or folder of the server, becomes owner of its organisation and operator of the
   * installation. An address with an account needs the password of that one.
   * @throws 401 `auth.invalid-admin-link`; 422 and 403 `people.wrong-password`, after which the link is still good
   */
  acceptAdminLink(input: AdminLinkInput, requestId: string): Promise<{ readonly personId: string }>;
}

export function createStanding(deps: PeopleDeps): Standing {
  const { db, ids, audit, passwords, assertStrong, adminTokens, endSessions } = deps;

  /** The verified person of this address, made if there is none. */
  const makeOwner = async (tx: Tx, email: Email, input: AdminLinkInput, requestId: string): Promise<string> => {
    const personId = ids.make('usr');
    assertStrong(input.password, { email: email.folded, hasFactor: false });
    const passwordHash = await passwords.hash(input.password);
    await asOrganisation(tx, personId, async () => {
      await insertPerson(tx, {
        id: personId,
        email: email.written,
        emailFolded: email.folded,
        name: input.name,
        locale: 'en',
        passwordHash,
        firstOrganisation: undefined,
        isVerified: true,
      });
      await recordPerson(deps, tx, { personId, action: 'person.accept-admin-link', requestId });
    });
    return personId;
  };

  const findOwner = async (email: Email, password: string): Promise<string | undefined> => {
    const found = await db.system((tx) => findPeople(tx, email.folded));
    const person = found.find(({ isVerified }) => isVerified);
    if (!person) return undefined;
    if (person.isDisabled || !(await passwords.verify(person.passwordHash, password)))
      throw new GuildhallError(peopleErrors.wrongPassword);
    return person.personId;
  };

  return {
    async setStanding(tx, { principal, requestId }, { personId, isDisabled, isOperator }) {
      return asOrganisation(tx, personId, async () => {
        await getPerson(tx, personId);
        await setStanding(tx, personId, { isDisabled, isOperator });
        if (isDisabled) {
          await endSessions(tx, undefined);
          await voidLinks(tx, personId, ['reset', 'magic', 'email']);
        }
        await audit.append(tx, {
          orgId: personId,
          actorType: 'operator',
          actorId: principal.keyId,
          requestId,
          action: 'person.put-standing',
          targetType: 'person',
          targetId: personId,
          data: {
            ...(isDisabled === undefined ? {} : { isDisabled }),
            ...(isOperator === undefined ? {} : { isOperator }),
          },
        });
        return getPerson(tx, personId);
      });
    },
    async acceptAdminLink(input, requestId) {
      const email = emailOf(input.email);
      const token = await adminTokens.find(input.token);
      const { orgId } = token;
      const known = await findOwner(email, input.password);
      const isMember =
        known !== undefined &&
        (await db.system((tx) => listMembershipsOf(tx, known))).some((one) => one.orgId === orgId);
      if (!known) await db.system((tx) => forgetPending(tx, email.folded));
      try {
        const personId = await db.tenant(orgId, async (tx) => {
          await adminTokens.use(tx, token);
          const owner = known ?? (await makeOwner(tx, email, input, requestId));
          await asOrganisation(tx, owner, () => setStanding(tx, owner, { isDisabled: undefined, isOperator: true }));
          const memberId = ids.make('mbr');
          if (!isMember)
            await insertMembership(tx, {
              id: memberId,
              orgId,
              personId: owner,
              role: 'owner',
              createdBy: 'admin-link',
            });
          const target = isMember
            ? { targetType: 'person', targetId: owner }
            : { targetType: 'membership', targetId: memberId };
          const by = { orgId, actorType: 'member', actorId: owner, requestId } as const;
          await audit.append(tx, { ...by, ...target, action: 'organisation.accept-admin-link' });
          return owner;
        });
        return { personId };
      } catch (error) {
        if (isUniqueViolation(error, 'person_by_email'))
          throw new GuildhallError(peopleErrors.wrongPassword, { cause: error });
        throw error;
      }
    },
  };
}
