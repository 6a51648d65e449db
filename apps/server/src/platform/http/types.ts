/** What a module says about a route, and what its handler gets. */
import type { Mode, Problem, Scope } from '@guildhall/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Tx } from '../db/index.ts';
import type { GuildhallError } from '../errors/index.ts';

/** Who calls: an API key of an organisation. */
export interface Principal {
  readonly orgId: string;
  readonly keyId: string;
  readonly mode: Mode;
  readonly scopes: readonly Scope[];
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
  /** Absent only on public routes. */
  readonly principal: Principal;
  readonly requestId: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  readonly raw: FastifyRequest;
  readonly reply: FastifyReply;
  /** One read transaction for the caller's organisation. */
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * One transaction for the caller's organisation, under the request's Idempotency-Key when it has one: the first answer is stored in
   * that same transaction, and a retry gets it without `work` being called. `content` stands for the body where the handler read it
   * itself (the hash of an uploaded file).
   */
  mutate<T extends object>(work: (tx: Tx) => Promise<Answer<T>>, content?: string): Promise<Answer<T>>;
}

export interface RouteDefinition<P = unknown, Q = unknown, B = unknown> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` parameters, as in OpenAPI. */
  readonly path: string;
  /** One sentence in the imperative, for the reference. */
  readonly summary: string;
  /** Groups the reference. */
  readonly tag: string;
  /** The scope a key must carry, or `public` for the few routes open to everyone. */
  readonly scope: Scope | 'public';
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Status → schema; `null` for an answer without a JSON body. Undeclared members never leave. */
  readonly responses: Readonly<Record<number, z.ZodType | null>>;
  /** True where the handler reads the raw request itself (multipart) . */
  readonly rawBody?: boolean;
  /** Largest body in bytes; default 1 MiB. */
  readonly bodyMaxBytes?: number;
  /** The form in which this route's clients understand a problem; default: the problem document itself. */
  readonly problemBody?: (problem: Problem) => object;
  handler(call: Call<P, Q, B>): Promise<Answer<object> | undefined>;
}

/** What the limits say of a request: the headers its answer carries, and the refusal when it is one too many. */
export interface LimitVerdict {
  readonly headers: Readonly<Record<string, string>>;
  readonly refusal?: GuildhallError;
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
