/** The one error type that may cross a module door, and the way a module lists its codes. */

/** Who can act: the caller (refusal), time or the operator (fault), or only us (bug). */
export type ErrorKind = 'refusal' | 'fault' | 'bug';

export interface ErrorCode {
  /** Stable, public, `module.reason`. */
  readonly code: string;
  readonly kind: ErrorKind;
  readonly status: number;
  /** Public sentence: what happened, in the reader's words. */
  readonly title: string;
  /** Public sentence: what the reader can do now. */
  readonly advice: string;
}

export interface FieldError {
  /** JSON Pointer into the request body, or the name of a query or path parameter behind a slash. */
  readonly path: string;
  readonly message: string;
}

export interface ErrorDetails {
  /** Public: this case in particular. Never put a secret, a row or a stack here. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Public members added to the problem document (`required`, `available`, `budgetId`, `retryAfterSeconds` …). */
  readonly members?: Readonly<Record<string, unknown>>;
  /** For our logs alone; never leaves the process. */
  readonly internal?: string;
  readonly cause?: unknown;
}

/** Thrown where a use case cannot go on. The HTTP edge alone turns it into an answer. */
export class GuildhallError extends Error {
  readonly spec: ErrorCode;
  readonly details: ErrorDetails;
  constructor(spec: ErrorCode, details: ErrorDetails = {}) {
    super(
      details.internal ?? details.detail ?? spec.title,
      details.cause === undefined ? {} : { cause: details.cause },
    );
    this.name = 'GuildhallError';
    this.spec = spec;
    this.details = details;
  }
}

type CodeTable = Readonly<Record<string, readonly [reason: string, status: number, title: string, advice: string]>>;
type Codes<T extends CodeTable> = { readonly [K in keyof T]: ErrorCode };

const kindOf = (status: number): ErrorKind => (status < 500 ? 'refusal' : status === 500 ? 'bug' : 'fault');

/**
 * A module's table of codes. Status decides the kind: 4xx refusal, 500 bug, other 5xx fault.
 * Every code listed here must stand in docs/reference/errors.md; a check keeps both equal.
 */
export function defineErrors<const T extends CodeTable>(area: string, table: T): Codes<T> {
  const codes = Object.fromEntries(
    Object.entries(table).map(([key, [reason, status, title, advice]]) => [
      key,
      Object.freeze({ code: `${area}.${reason}`, kind: kindOf(status), status, title, advice }),
    ]),
  );
  // The keys and shapes are those of `table`, built one line above.
  return Object.freeze(codes) as Codes<T>;
}

/** A state that our own code must never reach. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Closes a switch over a union: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
