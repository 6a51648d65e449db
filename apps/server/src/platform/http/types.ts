/** What a module says about a route, and what its handler gets. */
import type { Mode, Problem, Scope } from '@guildhall/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Tx } from '../db/index.ts';
import type { ErrorCode, GuildhallError } from '../errors/index.ts';
import type { RouteLimit } from './limit.ts';

/** The part of a member in an organisation. */
export type MemberRole = 'owner' | 'admin' | 'developer' | 'billing' | 'viewer';

/** Who calls: an API key of an organisation, or a person who is signed in. */
export interface Principal {
  /** Empty for a person who is in no organisation: routes with a scope are closed to them. */
  readonly orgId: string;
  /** What use and cost are counted by: the key, or the membership of a person, so that budgets, usage and histories have one column. */
  readonly keyId: string;
  readonly mode: Mode;
  readonly scopes: readonly Scope[];
  /** The networks a key may be used from; absent: from everywhere. */
  readonly allowedCidrs?: readonly string[];
  /** True of the directory of an organisation: it reaches what is for directories, and nothing else. */
  readonly isDirectory?: true;
  /** The rest is known of a person alone; `memberId` also of a key that a member made. */
  readonly personId?: string;
  readonly memberId?: string;
  readonly role?: MemberRole;
  readonly sessionId?: string;
  /** When a factor was last shown, on the clock of this process. Absent where none can be: a key has none. */
  readonly authenticatedAt?: Date;
  /** What the organisation asks of the person before it lets them in: until then they reach nothing of it. */
  readonly refusal?: ErrorCode;
  /** False until the person's address is verified: they reach nothing but the routes that say so. */
  readonly isVerified?: boolean;
}

/** How a request of a person is known, and which pages may send one. */
export interface Sessions {
  /**
   * @throws 401 for a token that is unknown, ended or expired; 404 for an organisation that they are not in, as for one that is not there.
   */
  authenticate(token: string, organisation: string | undefined): Promise<Principal>;
  /** Whether pages of this origin may act for the person who looks at them. */
  isOwnOrigin(origin: string): boolean;
}

/** An answer together with what a retry of the same request may see of it. */
export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  /** Members (dotted paths) shown this one time only: an idempotent replay gets null in their place. */
  readonly once?: readonly string[];
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

export interface Call<P, Q, B> {
  readonly params: Parsed<P>;
  readonly query: Parsed<Q>;
  readonly body: Parsed<B>;
  /** Of nobody on public routes. */
  readonly principal: Principal;
  readonly requestId: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** The body as it was sent, on routes that keep it. */
  readonly bytes: Buffer | undefined;
  /** On routes that judge it: the refusal of a request over their own rates. */
  readonly overLimit: GuildhallError | undefined;
  readonly raw: FastifyRequest;
  readonly reply: FastifyReply;
  /** One read transaction for the caller's organisation; on routes of scope `person` for the person. */
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * One such transaction, under the request's Idempotency-Key when it has one: the first answer is stored in
   * that same transaction, and a retry gets it without `work` being called. `content` stands for the body where the handler read it
   * itself (the hash of an uploaded file).
   */
  mutate<T extends object>(work: (tx: Tx) => Promise<Answer<T>>, content?: string): Promise<Answer<T>>;
}

/** A page as it leaves. */
export interface PageAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

export interface RouteDefinition<P = unknown, Q = unknown, B = unknown> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` parameters, as in OpenAPI. */
  readonly path: string;
  /** One sentence in the imperative, for the reference. */
  readonly summary: string;
  /** Groups the reference. */
  readonly tag: string;
  /**
   * The scope that a key or a role must carry; `person` for what any signed-in person may do to their own account, whose transactions are
   * those of the person; `directory` for what the directory of an organisation does by SCIM; `public` for the few routes open to everyone.
   */
  readonly scope: Scope | 'person' | 'directory' | 'public';
  /** True where a person must have shown a factor within the last ten minutes. Keys are not asked. */
  readonly stepUp?: true;
  /** True where a person comes whose address is not verified yet. */
  readonly unverified?: true;
  /** True for a public route to which pages of other sites send the browser: the answer of an identity provider. */
  readonly crossSite?: true;
  /** Rates of this route beside those of all. */
  readonly limits?: readonly RouteLimit[];
  /**
   * True where the handler refuses what is over those rates, unless it knows better: who guesses behind an address must not keep out whoever
   * else is behind it. It must look at `overLimit`.
   */
  readonly judgesLimits?: true;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Status → schema; `null` for an answer without a JSON body. Undeclared members never leave. */
  readonly responses: Readonly<Record<number, z.ZodType | null>>;
  /** True where the handler reads the raw request itself (multipart) . */
  readonly rawBody?: boolean;
  /** True where the handler checks a signature over the body as it was sent. */
  readonly keepsBytes?: true;
  /** True where the body is a form that a browser posts, and nothing else is one. */
  readonly form?: true;
  /** Of answers and problems, where it is not that of JSON. */
  readonly mediaType?: string;
  /** Largest body in bytes; default 1 MiB. */
  readonly bodyMaxBytes?: number;
  /** The form in which this route's clients understand a problem; default: the problem document itself. */
  readonly problemBody?: (problem: Problem) => object;
  /** What a browser is shown in place of a problem, on routes that other sites send it to. Other clients get the problem. */
  readonly problemPage?: (problem: Problem, acceptLanguage: string | undefined) => PageAnswer;
  handler(call: Call<P, Q, B>): Promise<Answer<object> | undefined>;
}

/** What the limits say of a request: the headers its answer carries, and the refusal when it is one too many. */
export interface LimitVerdict {
  readonly headers: Readonly<Record<string, string>>;
  readonly refusal?: GuildhallError;
  /** True where only the route's own rates refuse. */
  readonly isOwn?: boolean;
}

/** Keeps the types of one route together; a list of routes forgets them. */
export function route<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(definition: RouteDefinition<P, Q, B>): RouteDefinition {
  // The edge parses with the very schemas that type the handler, so the wider type is never handed a wrong value.
  return definition as unknown as RouteDefinition;
}
