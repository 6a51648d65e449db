/**
 * Signed requests to one bucket that the operator configured. Not the guarded client: the address is the operator's own word, is private
 * in most installations, and never comes from a customer.
 */
import type { Readable } from 'node:stream';
import { AwsV4Signer } from 'aws4fetch';
import { Agent, request } from 'undici';
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';
import { assert, GuildhallError } from '../errors/index.ts';
import { storageErrors } from './errors.ts';

/** `s3://<key id>:<secret>@<host>[:port]/<bucket>?region=…&tls=false`, key and secret percent-encoded. */
export interface S3Address {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Response {
  readonly status: number;
  readonly body: Readable & { dump(): Promise<void> };
}

export interface S3Client {
  /** @throws storageErrors.unavailable when the store does not answer, refuses us or fails. 404 is an answer. */
  send(method: 'GET' | 'HEAD' | 'DELETE', key: readonly string[]): Promise<S3Response>;
  upload(
    key: readonly string[],
    content: { readonly body: Readable; readonly sha256: string; readonly size: number },
  ): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
// An answer to a PUT comes after the store has made 256 MiB durable.
const HEADERS_TIMEOUT_MS = 120_000;
// Sent under the lock of a content, which the database takes away after 30 s.
const DELETE_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 60_000;
const CONNECTIONS_MAX = 32;
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Throws with a plain sentence, for the start of the program, when a part is missing or wrong. The text never repeats the secret. */
export function parseS3Url(text: string): S3Address {
  if (!URL.canParse(text))
    throw new Error('S3_URL is not a URL: expected s3://key:secret@host:port/bucket?region=…&tls=false');
  const url = new URL(text);
  const bucket = url.pathname.replace(/^\/|\/$/g, '');
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'region' && name !== 'tls');
  const tls = url.searchParams.get('tls') ?? 'true';
  if (url.protocol !== 's3:') throw new Error('S3_URL must begin with s3://');
  if (!url.hostname || !url.username || !url.password) throw new Error('S3_URL must hold key, secret and host');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw new Error('S3_URL must name one bucket as its path');
  if (unknown !== undefined) throw new Error(`S3_URL does not know the option ${unknown}`);
  if (tls !== 'true' && tls !== 'false') throw new Error('S3_URL: tls is true or false');
  return {
    endpoint: `${tls === 'true' ? 'https' : 'http'}://${url.host}`,
    bucket,
    region: url.searchParams.get('region') ?? 'us-east-1',
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
  };
}

const unavailable = (internal: string, cause?: unknown): GuildhallError =>
  new GuildhallError(storageErrors.unavailable, { internal, ...(cause === undefined ? {} : { cause }) });

/** `20260102T030405Z` */
const amzDate = (clock: Clock): string =>
  clock
    .now()
    .toISOString()
    .replace(/[:-]|\.\d{3}/g, '');

type Content = { readonly body: Readable; readonly sha256: string; readonly size: number };

async function transmit(
  address: S3Address,
  agent: Agent,
  clock: Clock,
  call: { method: string; key: readonly string[]; content?: Content },
): Promise<S3Response> {
  const url = `${address.endpoint}/${address.bucket}/${call.key.join('/')}`;
  const signed = await new AwsV4Signer({
    method: call.method,
    url,
    headers: { 'x-amz-content-sha256': call.content?.sha256 ?? EMPTY_SHA256 },
    accessKeyId: address.accessKeyId,
    secretAccessKey: address.secretAccessKey,
    service: 's3',
    region: address.region,
    datetime: amzDate(clock),
  }).sign();
  const headers = Object.fromEntries(signed.headers);
  if (call.content) headers['content-length'] = String(call.content.size);
  const method = call.method;
  assert(method === 'GET' || method === 'HEAD' || method === 'DELETE' || method === 'PUT', 'a method that S3 knows');
  try {
    const signal = method === 'DELETE' ? AbortSignal.timeout(DELETE_TIMEOUT_MS) : null;
    const answer = await request(url, { method, headers, body: call.content?.body ?? null, dispatcher: agent, signal });
    return { status: answer.statusCode, body: answer.body };
  } catch (cause) {
    throw unavailable(`${method} failed`, cause);
  }
}

async function expectStatus(answer: S3Response, accepted: readonly number[]): Promise<S3Response> {
  if (accepted.includes(answer.status)) return answer;
  await answer.body.dump();
  throw unavailable(`the store answered ${answer.status}`);
}

/**
 * Path-style addresses, one request per object (S3 takes up to 5 GB so; ours end at 256 MiB). Each request is signed with the key that the
 * setting holds when it begins. @throws where the setting cannot be understood.
 */
export function createS3Client(s3Url: Secret, clock: Clock): S3Client {
  let text = s3Url.reveal();
  let parsed = parseS3Url(text);
  const address = (): S3Address => {
    if (s3Url.reveal() !== text) {
      text = s3Url.reveal();
      parsed = parseS3Url(text);
    }
    return parsed;
  };
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    connectTimeout: CONNECT_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
  });
  return {
    send: async (method, key) =>
      expectStatus(await transmit(address(), agent, clock, { method, key }), [200, 204, 404]),
    async upload(key, content) {
      const answer = await expectStatus(
        await transmit(address(), agent, clock, { method: 'PUT', key, content }),
        [200, 201, 204],
      );
      await answer.body.dump();
    },
    close: () => agent.close(),
  };
}
