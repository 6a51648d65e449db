/** What the tests of factors and of the guard share: people on a clock that the test owns. */
import { TOTP } from 'otpauth';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Fixture } from '../fixture.ts';
import type { Identity } from '../index.ts';
import type { Attempt } from '../types.ts';

export const PASSWORD = 'four words never said before';
const STEP_MS = 30_000;

export const attemptOf = (email: string, more: Partial<Attempt> = {}): Attempt => ({
  ip: '192.0.2.1',
  email,
  device: undefined,
  userAgent: 'test',
  requestId: 'req_test',
  ...more,
});

export const refusalOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => (error instanceof GuildhallError ? error.spec.code : String(error)),
  );

export interface Someone {
  readonly personId: string;
  readonly email: string;
}

/** A verified person; what their mail said is not needed for it. */
export async function someone(fixture: Fixture, email = 'ada@example.com'): Promise<Someone> {
  const { people } = fixture.identity;
  await people.signUp({ email, password: PASSWORD, name: 'Ada', locale: 'en' }, attemptOf(email));
  const [row] = await fixture.asOwner<{ person_id: string }>(
    'update identity.person set verified_at = platform.now() where email_folded = $1 returning person_id',
    [email],
  );
  return { personId: row?.person_id ?? '', email };
}

/** A person's app. Its clock is that of the fixture, and may be off. */
export interface App {
  readonly factorId: string;
  readonly recoveryCodes: readonly string[];
  code(skewSeconds?: number): Promise<string>;
  /** To the first seconds of the next step, so that none ends while a test looks. */
  nextStep(): Promise<void>;
}

/** Sets up an authenticator app, as a person does. */
export async function setUpApp(fixture: Fixture, { personId }: Someone, by: Identity = fixture.identity): Promise<App> {
  const { db } = fixture.database;
  const self = { personId, sessionId: undefined, requestId: 'req_test' };
  const now = async (): Promise<number> => {
    const [row] = await fixture.asOwner<{ ms: number }>(
      'select (extract(epoch from platform.now()) * 1000)::float8 as ms',
    );
    return row?.ms ?? 0;
  };
  const nextStep = async () => fixture.advance(STEP_MS - ((await now()) % STEP_MS) + 2_000);
  const made = await db.tenant(personId, (tx) => by.factors.beginTotp(tx, self, 'Phone'));
  const code = async (skewSeconds = 0): Promise<string> => {
    const uri = new URL(made.uri);
    const secret = uri.searchParams.get('secret') ?? '';
    return new TOTP({ secret }).generate({ timestamp: (await now()) + skewSeconds * 1_000 });
  };
  await nextStep();
  const first = await code();
  const { recoveryCodes = [] } = await db.tenant(personId, (tx) =>
    by.factors.confirmTotp(tx, self, { id: made.factor.id, code: first }),
  );
  return { factorId: made.factor.id, recoveryCodes, code, nextStep };
}

/** The subjects of what was written to the queue for this person, oldest first. */
export async function mailsOf(fixture: Fixture, { personId }: Someone): Promise<readonly string[]> {
  const rows = await fixture.asOwner<{ id: string; sealed: Buffer }>(
    'select id, sealed from platform.mail where org_id = $1 order by created_at, id',
    [personId],
  );
  return rows.map(({ id, sealed }) => {
    const place = { orgId: personId, table: 'platform.mail', column: 'sealed', rowId: id };
    // Sealed by the queue, so it has that shape.
    return (JSON.parse(fixture.keyring.decrypt(place, sealed).toString('utf8')) as { subject: string }).subject;
  });
}
