/** The door of identity: organisations, API keys, who a request comes from. */
import type { Principal, RouteDefinition } from '../../platform/http/index.ts';
import { type Authenticator, createAuthenticator } from './authentication.ts';
import { type Beta, createAdmission, createBeta } from './beta/index.ts';
import { createDomains, type Domains, domainRoutes } from './domains/index.ts';
import { authErrors } from './errors.ts';
import { createFactors, createSecondFactor, type Factors } from './factors/index.ts';
import { createEntryRule, createFederationPart, type FederationPart } from './federation/index.ts';
import { openGuardOf, type WholeGuard } from './guard/index.ts';
import { remindOfKeys } from './keys/reminders.ts';
import { leakRoute } from './keys/routes.ts';
import { scannerKeys } from './keys/scanner.ts';
import { createMembers, type Members } from './members/index.ts';
import { createInvitations } from './members/invitations.ts';
import { peoplePages } from './pages/index.ts';
import { createLinks, createPasswords, createPeople, type People } from './people/index.ts';
import { nobodyOutside } from './ports.ts';
import { createRights, type Rights } from './rights.ts';
import { identityRoutes } from './routes.ts';
import { createSaml, type Saml } from './saml/index.ts';
import { createScim, isSwitchedOff, looksLikeScimToken, type Scim, scimErrors } from './scim/index.ts';
import { createService, type IdentityService } from './service.ts';
import { createSessions, endSessions, type Sessions } from './sessions/index.ts';
import { type Contact, listContacts } from './store.ts';
import { createTokens, looksLikeToken, type Tokens, tokenErrors } from './tokens/index.ts';
import type { IdentityDeps, Role, SignUpPolicy } from './types.ts';

export { authErrors, keyErrors } from './errors.ts';
export { parseKey } from './key-format.ts';
export { type MailFacts, mailText } from './mail/index.ts';
export { assertLive, ROLE_SCOPES } from './rules.ts';
export type { NewKeyInput, NewOrganisationInput, OrganisationWithKey } from './service.ts';
export { asOrganisation, type Contact } from './store.ts';
export type { Actor, Founder, IdentityDeps, Key, KeyWithSecret, Organisation, Role } from './types.ts';

/** What a credential that is no good is refused with, whatever kind it claims to be. */
export const failedCredentials: ReadonlySet<string> = new Set(
  [authErrors.invalidKey, tokenErrors.invalid, scimErrors.invalidToken].map(({ code }) => code),
);

export interface Identity extends IdentityService, Authenticator {
  readonly people: People;
  readonly members: Members;
  readonly beta: Beta;
  readonly sessions: Sessions;
  readonly factors: Factors;
  readonly guard: WholeGuard;
  readonly tokens: Tokens;
  readonly domains: Domains;
  readonly federation: FederationPart;
  readonly saml: Saml;
  readonly scim: Scim;
  /** Of those whose request is long answered. Started apart, by who asks: a worker. */
  readonly rights: Rights;
  /** An API key, or an access token, which is for one organisation. @throws 401 `auth.invalid-key`, `tokens.invalid`; 404 for another organisation. */
  authenticate(presented: string, ip?: string, organisation?: string): Promise<Principal>;
  /** Mails the people of keys that end within 14 days, and again within 3. Resolves with the number of keys. */
  remindOfKeys(): Promise<number>;
  /** The verified people of an organisation with one of these roles, at most 20. */
  contactsOf(orgId: string, roles: readonly Role[]): Promise<readonly Contact[]>;
  readonly routes: readonly RouteDefinition[];
}

/** One after the other; the result stops them in reverse. */
async function startAll(parts: readonly { start(): Promise<() => Promise<void>> }[]): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  for (const part of parts) stops.push(await part.start());
  return async () => {
    for (const stop of stops.reverse()) await stop();
  };
}

/** Tells how many rows went. */
async function pruneAll(parts: readonly { prune(): Promise<number> }[]): Promise<number> {
  let pruned = 0;
  for (const part of parts) pruned += await part.prune();
  return pruned;
}

type Part =
  | 'people'
  | 'members'
  | 'beta'
  | 'sessions'
  | 'tokens'
  | 'federation'
  | 'factors'
  | 'guard'
  | 'saml'
  | 'scim';

/** Those of every part. */
function routesOf(
  service: IdentityService,
  leak: RouteDefinition,
  parts: Pick<Identity, Part | 'domains'>,
): readonly RouteDefinition[] {
  const { people, members, beta, sessions, tokens, federation, factors, guard, saml, scim, domains } = parts;
  const all = [people, members, beta, sessions, tokens, federation, factors, guard, saml, scim];
  return [...identityRoutes(service), leak, ...domainRoutes(domains), ...all.flatMap(({ routes }) => routes)];
}

const OPEN: SignUpPolicy = { mode: 'open', peopleMax: undefined };

/** Joins the parts, each with those it stands on. */
function joinParts(deps: IdentityDeps, service: IdentityService): Pick<Identity, Part | 'domains'> {
  const links = createLinks(deps);
  const guard = openGuardOf({ ...deps, links });
  const { signUp = OPEN } = deps;
  const secondFactor = createSecondFactor(deps);
  const entry = createEntryRule({ ...deps, secondFactor });
  const ports = { guard, secondFactor, entry, links, admission: createAdmission(deps, signUp) };
  const accounts = { ...deps, ...ports, passwords: createPasswords(deps.random) };
  const sessions = createSessions(accounts);
  const tokens = createTokens({ ...accounts, sessions });
  const outside = deps.outside ?? nobodyOutside;
  const domains = createDomains({ ...deps, resolveTxt: outside.resolveTxt });
  const { ownerOf } = domains;
  const saml = createSaml({ ...deps, ownerOf, isSwitchedOff, finish: sessions.finish });
  const elsewhere = { ...accounts, outside, sessions, domains, isSwitchedOff, otherSso: saml };
  const federation = createFederationPart(elsewhere);
  const factors = createFactors({ ...accounts, sessions });
  const adminTokens = { find: service.findAdminToken, use: service.useAdminTokenIn };
  const { foundOrganisationIn, createKey } = service;
  const people = createPeople({ ...accounts, endSessions, foundOrganisationIn, adminTokens });
  const beta = createBeta({ ...deps, guard }, signUp);
  const members = createMembers({ ...deps, foundOrganisationIn, createKey, forget: sessions.forget });
  const invitations = createInvitations({ ...deps, foundOrganisationIn, createKey, forget: sessions.forget });
  const scim = createScim({ ...deps, ownerOf, invitations, endSessions });
  const prune = () => pruneAll([people, factors, guard, beta, saml]);
  const inner = { people: { ...people, prune }, members, beta, sessions, factors, guard, tokens };
  return { ...inner, domains, federation, saml, scim };
}

/** Opens nothing; `start` does. Without it every authentication asks the database, which is right for short commands. */
export function createIdentity(deps: IdentityDeps): Identity {
  const service = createService(deps);
  const keys = createAuthenticator(deps);
  const { authenticate } = keys;
  const leak = leakRoute({ ...deps, authenticate, scanners: scannerKeys(deps.leakScannerKeys ?? []) });
  const parts = joinParts(deps, service);
  const { beta, sessions, tokens, guard, scim } = parts;
  return {
    ...service,
    ...keys,
    async start() {
      await beta.start();
      const stop = await startAll([keys, sessions, tokens]);
      return async () => {
        await stop();
        await guard.keyNetworks.settle();
      };
    },
    ...parts,
    rights: createRights(deps),
    authenticate: async (presented, ip, organisation) => {
      if (looksLikeScimToken(presented)) return scim.authenticate(presented);
      if (looksLikeToken(presented)) return tokens.authenticate(presented, organisation);
      const principal = await keys.authenticate(presented, ip);
      guard.keyNetworks.note(principal, ip ?? '');
      return principal;
    },
    remindOfKeys: () => remindOfKeys(deps),
    contactsOf: (orgId, roles) => deps.db.system((tx) => listContacts(tx, orgId, roles)),
    routes: [...peoplePages(deps.publicUrl), ...routesOf(service, leak, parts)],
  };
}
