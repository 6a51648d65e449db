/** Organisations with people in every role, for tests. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Client, createClient, lastLink, signUpPerson, type TestPerson } from '../harness/people.ts';
import type { Reply, TestPlatform } from '../harness/platform.ts';

export const ROLES = ['owner', 'admin', 'developer', 'billing', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** Status and code, as most refusals are compared. */
export const codeOf = ({ status, body }: Pick<Reply, 'status' | 'body'>): [number, unknown] => [status, body?.code];

/** Invites by mail and accepts; the result is the member's id. */
export async function join(platform: TestPlatform, owner: TestPerson, who: TestPerson, role: Role): Promise<string> {
  const organisation = owner.orgId;
  const invited = await owner.call(
    'POST',
    '/v1/organisation/invitations',
    { role, email: who.email },
    { organisation },
  );
  if (invited.status !== 201) throw new Error(`invite: ${JSON.stringify(invited.body)}`);
  const token = await lastLink(platform, who.email);
  const accepted = await who.call<{ memberId: string }>('POST', '/v1/me/invitations/accept', { token });
  if (accepted.status !== 201) throw new Error(`accept: ${JSON.stringify(accepted.body)}`);
  return accepted.body.memberId;
}

/** An invitation of this member to somebody; the result tells what has become of it. */
export async function offer(
  who: Pick<Client, 'call'>,
  organisation: string,
): Promise<(asked: Pick<Client, 'call'>) => Promise<unknown>> {
  const body = { role: 'developer', email: `guest-${randomUUID()}@example.com` };
  const made = await who.call<{ id: string }>('POST', '/v1/organisation/invitations', body, { organisation });
  if (made.status !== 201) throw new Error(`offer: ${made.status} ${JSON.stringify(made.body)}`);
  return async (asked) => {
    const { body: listed } = await asked.call<{ data: { id: string; status: string }[] }>(
      'GET',
      '/v1/organisation/invitations',
    );
    return listed.data.find(({ id }) => id === made.body.id)?.status;
  };
}

export interface Staff {
  readonly owner: TestPerson;
  readonly orgId: string;
  /** Somebody of a role, and their membership. */
  hire(role: Role): Promise<TestPerson>;
}

/** An organisation whose owner can hire. */
export async function staffed(platform: TestPlatform): Promise<Staff> {
  const owner = await signUpPerson(platform, { name: 'Olga' });
  return {
    owner,
    orgId: owner.orgId,
    hire: async (role) => {
      const person = await signUpPerson(platform, { name: `A ${role}`, organisation: null });
      const memberId = await join(platform, owner, person, role);
      return { ...person, orgId: owner.orgId, memberId };
    },
  };
}

/** The same person before another process. */
export function before(url: string, person: Client): Client {
  const client = createClient({ url });
  for (const [name, value] of person.cookies) client.cookies.set(name, value);
  return client;
}

/** One statement as the owner of the database. */
export async function asOwner<T extends pg.QueryResultRow>(
  platform: TestPlatform,
  text: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: platform.database.ownerUrl });
  await client.connect();
  try {
    return (await client.query<T>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Asks until it is so; for what another process learns a moment later. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let left = 500; left > 0; left -= 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it did not come to this: ${what}`);
}
