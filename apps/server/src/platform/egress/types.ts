/** What the guarded client takes and gives. */

import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';

export interface EgressRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `host`, lengths and connection headers are the client's own and are refused. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Of the decoded body; default 10 MiB. */
  readonly maxBytes?: number;
  /** False: asks for an answer that is not compressed, so that each piece is there as soon as it comes; default true. */
  readonly compressed?: boolean;
  /** From the call to a connection that is ready, waiting for a free one included; default 15 s. */
  readonly connectMs?: number;
  /** From a ready connection to the first header; default 30 s. */
  readonly firstByteMs?: number;
  /** Between two pieces of the body; default 30 s. */
  readonly idleMs?: number;
  /** From the call to the last byte, redirects included; default 60 s. */
  readonly totalMs?: number;
  /** Redirects to follow, 0 to 3; default 0, which gives the redirect itself as the answer. */
  readonly redirects?: number;
  /**
   * An origin (`http://10.0.0.7:8000`) that the operator set: it may be a private one, on any port. Link-local addresses and metadata stay
   * closed, and a redirect to any other origin is judged as always. Never pass here what a customer chose.
   */
  readonly trustedOrigin?: string;
  /** The organisation on whose behalf it goes out: where `hostsFor` has a list for it, no other host is called, redirects included. */
  readonly orgId?: string | undefined;
  readonly signal?: AbortSignal;
  /** What `body` fails with, in the caller's own words; the argument is what it would have failed with. */
  readonly bodyError?: (reason: unknown) => unknown;
}

export interface EgressResponse {
  readonly status: number;
  /** Lower-case names; several values of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the answer came from after redirects. */
  readonly url: string;
  /** Decoded and bounded: fails with egressErrors.tooLarge or .timeout in the middle. Read it or destroy it. */
  readonly body: Readable;
  bytes(): Promise<Buffer>;
  text(): Promise<string>;
  /** Milliseconds from the call to the headers of this answer. */
  readonly headersMs: number;
}

export interface Egress {
  /**
   * Judges an address that is to be called later by all that can be told without asking a name server; `request` judges it again.
   * @throws egressErrors.denied.
   */
  check(url: string): void;
  /**
   * Sends one request to a public host. Every status is an answer, not an error.
   * @throws egressErrors.denied before any connection is made; .unreachable, .connectTimeout, .timeout, .tooLarge, .badResponse; the signal's own reason.
   */
  request(url: string, request?: EgressRequest): Promise<EgressResponse>;
  close(): Promise<void>;
}

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface Destination {
  /** An IP address that passed the rules. */
  readonly address: string;
  readonly port: number;
  readonly secure: boolean;
  /** The name the certificate must be for; undefined for a bare address. */
  readonly servername: string | undefined;
}

/** Opens a connection to exactly that address. */
export type Dial = (to: Destination) => Promise<Socket>;

export interface EgressOptions {
  /** Networks, such as `10.1.0.0/16` or `127.0.0.1/32`, that may be called although they are not public, on any port. */
  readonly allowPrivateCidrs: readonly string[];
  readonly clock: Clock;
  /** One host never holds more sockets of this process; default 256. What comes above waits for its `connectMs`. */
  readonly connectionsPerOriginMax?: number;
  /** Ports of public hosts; default 80 and 443. */
  readonly ports?: readonly number[];
  /** The hosts that an organisation allows, as `api.example.com` or `*.example.com`; undefined for all. Asked for each hop. */
  readonly hostsFor?: ((orgId: string) => Promise<readonly string[] | undefined>) | undefined;
  /**
   * An HTTP proxy that takes CONNECT, through which every public address is reached. Networks of the operator's own, opened or trusted, are
   * reached directly.
   */
  readonly proxyUrl?: Secret | undefined;
  readonly dns?: Resolve;
  readonly dial?: Dial;
}
