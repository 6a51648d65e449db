/** Signing in with an account elsewhere: going out, coming back, and linking such accounts to one's own. */
import type { FastifyReply } from 'fastify';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import type { Domains } from '../domains/index.ts';
import { getPerson } from '../people/account.ts';
import { recordPerson } from '../people/deps.ts';
import { parseEmail } from '../people/email.ts';
import type { SignInOutcome } from '../sessions/sign-in.ts';
import type { Attempt, IdentityDeps, Self } from '../types.ts';
import type { Arrivals } from './arrival.ts';
import { federationErrors } from './errors.ts';
import type { Flows } from './flows.ts';
import type { ProviderClient } from './provider-client.ts';
import type { Providers } from './providers.ts';
import { ownPage } from './return-to.ts';
import { deleteLink, listConnections, listLinks } from './store.ts';
import type { IdentityLink } from './types.ts';

/** Where the browser goes, and what it has to keep until it comes back. */
export interface Departure {
  readonly url: string;
  readonly browser: string;
  /** Gives it to the browser, where the cookie of flows would not come back. */
  readonly keep?: (reply: FastifyReply) => void;
}

/** How a sign-in through a provider of another kind begins, for organisations that have one. */
export interface OtherSso {
  /** In the organisation's transaction: whether people can come in through it. */
  isReady(tx: Tx): Promise<boolean>;
  /** Undefined where the organisation has none. */
  depart(orgId: string, input: { readonly email: string; readonly returnTo: string }): Promise<Departure | undefined>;
}

export interface Federation {
  providers(): readonly { readonly id: string; readonly name: string }[];
  /** @throws 404 `federation.unknown-provider`, 422 `federation.return-to`, 502 */
  depart(provider: string, returnTo: string, linksPerson?: string, hint?: string): Promise<Departure>;
  /** Through the provider of the organisation whose verified domain the address has. @throws 404 `federation.no-connection` */
  departByEmail(email: string, returnTo: string): Promise<Departure>;
  /** @throws the errors of `federationErrors` */
  comeBack(input: {
    readonly provider: string;
    /** With its query, as the browser asked for it. */
    readonly query: string;
    readonly state: string | undefined;
    readonly browser: string | undefined;
    readonly attempt: Attempt;
    /** Whoever is signed in in that browser. */
    readonly signedIn: () => Promise<Principal | undefined>;
  }): Promise<{ readonly returnTo: string; readonly outcome: SignInOutcome | undefined }>;
  /** In the person's transaction, as what follows. */
  listLinks(tx: Tx): Promise<readonly IdentityLink[]>;
  /** @throws 404 `federation.link-not-found`, 409 `federation.last-way-in` */
  unlink(tx: Tx, self: Self, id: string): Promise<void>;
}

export interface FederationDeps extends Pick<IdentityDeps, 'db' | 'audit' | 'publicUrl'> {
  readonly sources: Providers;
  readonly flows: Flows;
  readonly client: ProviderClient;
  readonly arrivals: Arrivals;
  readonly domains: Pick<Domains, 'ownerOf'>;
  readonly otherSso: OtherSso;
}

export const redirectUriOf = (publicUrl: string, provider: string): string => `${publicUrl}/auth/callback/${provider}`;

export function createFederation(deps: FederationDeps): Federation {
  const { db, publicUrl, sources, flows, client, arrivals, domains, otherSso } = deps;

  const depart: Federation['depart'] = async (id, returnTo, linksPerson, hint) => {
    ownPage(publicUrl(), returnTo);
    const { provider } = await sources.get(id);
    const { browser, checks } = await flows.begin({ provider: id, returnTo, linksPerson });
    const url = await client.authorizationUrl(provider, redirectUriOf(publicUrl(), id), checks, hint);
    return { url, browser };
  };

  return {
    providers: () => sources.open.map(({ id, name }) => ({ id, name })),
    depart,
    async departByEmail(text, returnTo) {
      ownPage(publicUrl(), returnTo);
      const email = parseEmail(text);
      const owner = email && (await domains.ownerOf(email.folded));
      if (!owner) throw new GuildhallError(federationErrors.noConnection);
      const connections = await db.tenant(owner.orgId, (tx) => listConnections(tx));
      const connection = connections.find(({ isEnabled }) => isEnabled);
      if (connection) return depart(connection.id, returnTo, undefined, email.folded);
      const other = await otherSso.depart(owner.orgId, { email: email.folded, returnTo });
      if (!other) throw new GuildhallError(federationErrors.noConnection);
      return other;
    },
    async comeBack({ provider: id, query, state, browser, attempt, signedIn }) {
      const { flow, checks } = await flows.take(id, state, browser);
      const { provider, connection } = await sources.get(id);
      const callback = new URL(`${redirectUriOf(publicUrl(), id)}${query}`);
      const identity = await client.exchange(provider, callback, checks);
      const arrival = { provider, connection, identity, attempt };
      const returnTo = ownPage(publicUrl(), flow.returnTo);
      const { linksPerson } = flow;
      if (linksPerson === undefined) return { returnTo, outcome: await arrivals.arrive(arrival) };
      // The answer must come to the person who asked for it, in the browser where they still are.
      if ((await signedIn())?.personId !== linksPerson) throw new GuildhallError(federationErrors.invalidFlow);
      await db.tenant(linksPerson, (tx) => arrivals.link(tx, linksPerson, arrival));
      return { returnTo, outcome: undefined };
    },
    listLinks: (tx) => listLinks(tx),
    async unlink(tx, { personId, requestId }, id) {
      const links = await listLinks(tx);
      const link = links.find((one) => one.id === id);
      if (!link) throw new GuildhallError(federationErrors.linkNotFound);
      if (links.length === 1 && !(await getPerson(tx, personId)).hasPassword)
        throw new GuildhallError(federationErrors.lastWayIn);
      await deleteLink(tx, id);
      const { issuer, provider } = link;
      await recordPerson(deps, tx, { personId, action: 'identity-link.remove', requestId, data: { issuer, provider } });
    },
  };
}
