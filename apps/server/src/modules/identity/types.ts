/** The nouns of identity, and what it asks of the modules around it. */
import type { Mode, Scope, SignUpMode } from '@guildhall/contract';
import type { Clock } from '../../platform/clock/index.ts';
import type { Keyring, Secret } from '../../platform/crypto/index.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Egress } from '../../platform/egress/index.ts';
import type { GuildhallError } from '../../platform/errors/index.ts';
import type { MemberRole, Principal } from '../../platform/http/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { MailQueue } from '../../platform/mail/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Email } from './people/email.ts';
import type { SessionMethod } from './sessions/types.ts';

/** What a member of an organisation may be; an organisation's first key carries one too. */
export type Role = MemberRole;

export interface Organisation {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/**
 * A key without its secret. It is **active** from creation until `revokedAt` is set or `expiresAt` is reached, whichever comes first;
 * both ends are final. A **rotated** key (`replacedBy` set) is active until its overlap ends and cannot be rotated again.
 */
export interface Key {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly mode: Mode;
  readonly role: Role | undefined;
  readonly scopes: readonly Scope[];
  /** The readable start of the secret: `gld_live_` or `gld_test_` and four characters. */
  readonly prefix: string;
  readonly last4: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  /** Exact to the minute. */
  readonly lastUsedAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly replacedBy: string | undefined;
  /** The networks it may be used from; undefined: from everywhere. */
  readonly allowedCidrs: readonly string[] | undefined;
  /** Active, and not used for 90 days. */
  readonly isUnused: boolean;
  readonly createdBy: string;
  /** The member who made it. */
  readonly memberId: string | undefined;
}

export interface KeyWithSecret {
  readonly key: Key;
  /** The only time it exists outside its owner's hands. */
  readonly secret: string;
}

/** One request of somebody who is not signed in yet, as far as it is judged by where it comes from. */
export interface Attempt {
  readonly ip: string;
  /** Folded; the address that they say is theirs. */
  readonly email: string;
  /** The token of a device that was let in before, from its cookie. */
  readonly device: string | undefined;
  /** The token of the session that the browser has, from its cookie: that one ends where another begins. */
  readonly session?: string | undefined;
  readonly userAgent: string;
  readonly requestId: string;
  /** Thrown by the guard, unless the device is known: more tries come from the address than one person makes. */
  readonly overLimit?: GuildhallError | undefined;
}

/** A person who changes what is theirs, from a session where there is one. */
export interface Self {
  readonly personId: string;
  readonly sessionId: string | undefined;
  readonly requestId: string;
}

/** Where a sign-in came from. */
export interface Place {
  /** ISO 3166-1, two letters. */
  readonly country: string;
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
}

/** Where an address is, as far as somebody knows; undefined where nobody does. */
export type CountryOf = (ip: string) => Place | undefined;

/** Slows down those who guess. */
export interface Guard {
  /**
   * Takes one try at the account of the attempt's address or, where it has none, of this person. A try at signing in counts as a failure until
   * `clear` or `noteSuccess`. @throws 429 when too much was tried.
   */
  admit(kind: 'sign-in' | 'sign-up' | 'mail', attempt: Attempt, personId?: string): Promise<void>;
  /** What was tried was right: the next try is the first one again, from there. */
  clear(attempt: Attempt, personId?: string): Promise<void>;
  /** A wrong password, code or link; whose account it was meant for, where that is known. */
  noteFailure(attempt: Attempt, personId: string | undefined): Promise<void>;
  /** In the transaction that begins the session. The result is the cookie for the device to be known by, where it was not known. */
  noteSuccess(
    tx: Tx,
    attempt: Attempt,
    begun: { readonly personId: string; readonly sessionId: string },
  ): Promise<string | undefined>;
  /** A forgotten password was set anew: every try is the first one again, and no device is known. In the person's transaction. */
  noteReset(tx: Tx, personId: string): Promise<void>;
}

/** Which ways in the organisations of a person leave open. */
export interface EntryRule {
  /**
   * In the person's transaction, before a session begins. `via` is the organisation whose own identity provider let them in.
   * @throws 403 `federation.sso-required`
   */
  assertOpen(
    tx: Tx,
    entry: {
      readonly personId: string;
      readonly method: SessionMethod;
      readonly attempt: Attempt;
      readonly via?: string | undefined;
    },
  ): Promise<void>;
  /**
   * Before a person takes another address: who has to come through an organisation keeps one of its domains, else that would be a way around.
   * @throws 403 `federation.address-held`
   */
  assertMayMove(personId: string, emailFolded: string): Promise<void>;
}

interface SignInClient {
  readonly clientId: string;
  readonly clientSecret: Secret;
}

/** The accounts elsewhere that people may sign in with; undefined for what the operator has not set up. */
export interface SignInSettings {
  readonly google: SignInClient | undefined;
  /** `url` is that of GitHub, or of an Enterprise Server. */
  readonly github: (SignInClient & { readonly url: string }) | undefined;
  readonly oidc: (SignInClient & { readonly name: string; readonly issuer: string }) | undefined;
}

/** How identity providers and name servers outside are reached. */
export interface Outside {
  readonly egress: Pick<Egress, 'request'>;
  /** The TXT records of a name; none for a name that is not there. */
  readonly resolveTxt: (name: string) => Promise<readonly string[]>;
  readonly signIn: SignInSettings;
  /** Providers without TLS are spoken to; never in production. */
  readonly isInsecureAllowed: boolean;
}

/** What a right password is not enough for. */
export type ChallengePurpose =
  | { readonly type: 'sign-in'; readonly method: SessionMethod; readonly via: string | undefined }
  | { readonly type: 'step-up'; readonly sessionId: string };

/** The second factor of those who have one. Asked in the transaction of the person. */
export interface SecondFactor {
  required(tx: Tx, personId: string): Promise<boolean>;
  /** What the code will be shown with, from the same network and browser. */
  challenge(
    tx: Tx,
    personId: string,
    purpose: ChallengePurpose,
    source: Pick<Attempt, 'ip' | 'userAgent'>,
  ): Promise<string>;
}

/** Who may sign up by themselves: everybody, those who were invited, or nobody. */
export interface SignUpPolicy {
  readonly mode: SignUpMode;
  /** How many people there may be; undefined: as many as come. */
  readonly peopleMax: number | undefined;
}

/** Whether somebody may sign up. */
export interface Admission {
  /**
   * Asked by somebody whose address nobody has proven yet, with the code or token of an invitation. The result is for `note`.
   * @throws 403 `beta.closed`, `beta.invitation-needed`, `beta.invalid-invitation`; 409 `people.full`
   */
  ask(email: Email, invitation: string | undefined): Promise<string | undefined>;
  /** Asked for somebody whose address an identity provider has proven. @throws 403 `beta.closed`, `beta.invitation-needed` */
  askProven(email: Email): Promise<void>;
  /** Keeps what `ask` gave until they verify. In the person's transaction. */
  note(tx: Tx, personId: string, ticket: string | undefined): Promise<void>;
  /** Uses it up. In the person's transaction. @throws 410 `beta.code-used` */
  use(tx: Tx, personId: string): Promise<void>;
}

/** Who asks for a change: a key of the organisation, or the program itself on behalf of whoever runs the server. */
export type Actor =
  | { readonly type: 'key'; readonly principal: Principal; readonly requestId?: string | undefined }
  | { readonly type: 'system'; readonly orgId: string; readonly name: string };

/** Who makes an organisation: an operator's key, the program itself, or a person for themselves. */
export interface Founder {
  readonly type: 'operator' | 'system' | 'member';
  /** The id of the key or the person, or the name of the command. */
  readonly id: string;
  readonly requestId?: string | undefined;
}

export interface IdentityDeps {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  /** The pepper: keys made under a former master key stay valid while that one is known. */
  readonly keyring: Pick<Keyring, 'mac' | 'macs' | 'encrypt' | 'decrypt'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly mailQueue: MailQueue;
  /** Told of keys whose organisation has no people. */
  readonly operatorEmail?: string | undefined;
  /** Public keys of secret scanners: base64 of SPKI. */
  readonly leakScannerKeys?: readonly string[];
  /** Who may sign up; left out: everybody. */
  readonly signUp?: SignUpPolicy;
  /** What links in mails begin with; known once the port is open. */
  readonly publicUrl: () => string;
  /** Left out, no address is anywhere, and nothing is said about countries. */
  readonly countryOf?: CountryOf | undefined;
  /** Called inside the transaction that makes an organisation, as that organisation: opens its accounts, books trial credit. */
  readonly onOrganisationCreated: (tx: Tx, orgId: string, options: { readonly trial: boolean }) => Promise<void>;
  /** Called inside the transaction that rotates a key: what the old one counted in counts the successor too. */
  readonly onKeyRotated: (
    tx: Tx,
    key: { readonly orgId: string; readonly keyId: string; readonly successorId: string },
  ) => Promise<void>;
  /** Left out, there is nobody outside to sign in with. */
  readonly outside?: Outside;
  readonly log: { warn(fields: object, message: string): void };
  /** Unguessable bytes. */
  readonly random: (size: number) => Uint8Array;
}
