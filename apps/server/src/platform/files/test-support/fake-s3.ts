/** A bucket in memory that checks every signature by the published algorithm, written anew here so that it shares no mistake with the client. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeS3 {
  /** An S3_URL for it, with its first key. */
  readonly url: string;
  /** Secrets by the id of their key: a store knows two while one is changed. */
  readonly keys: Map<string, string>;
  /** An S3_URL with another key, which the store knows from now on. */
  addKey(id: string, secret: string): string;
  readonly objects: Map<string, Buffer>;
  /** Requests that were refused, with the reason. */
  readonly refused: string[];
  /** What the next requests meet instead of an answer: a status, or a cut connection. */
  fail: number | 'cut' | undefined;
  close(): Promise<void>;
}

const KEY_ID = 'AKTEST';
const SECRET = 'se/cr+et';
const REGION = 'eu-test-1';

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

function expectedSignature(secret: string, request: IncomingMessage, signedHeaders: string[], date: string): string {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const headers = signedHeaders.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join('');
  const payload = String(request.headers['x-amz-content-sha256']);
  const canonical = [request.method, path, query, headers, signedHeaders.join(';'), payload].join('\n');
  const day = date.slice(0, 8);
  const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${REGION}/s3/aws4_request`, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), REGION), 's3'), 'aws4_request');
  return hmac(key, toSign).toString('hex');
}

/** Why the request must be refused; undefined when all is well. */
function faultOf(keys: ReadonlyMap<string, string>, request: IncomingMessage, body: Buffer): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  const date = String(request.headers['x-amz-date']);
  if (!match) return 'no signature';
  const secret = keys.get(match[1] ?? '');
  if (secret === undefined || match[3] !== REGION || match[2] !== date.slice(0, 8)) return 'wrong credential scope';
  const signed = (match[4] ?? '').split(';');
  for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256'])
    if (!signed.includes(name)) return `${name} is not signed`;
  if (expectedSignature(secret, request, signed, date) !== match[5]) return 'signature does not match';
  if (request.headers['x-amz-content-sha256'] !== sha256(body)) return 'body does not match its hash';
  return request.method === 'PUT' && request.headers['content-length'] === undefined ? 'no length' : undefined;
}

export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const refused: string[] = [];
  const keys = new Map([[KEY_ID, SECRET]]);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const key = request.url ?? '';
      const found = objects.get(key);
      const fault = faultOf(keys, request, body);
      if (fault) refused.push(`${request.method} ${key}: ${fault}`);
      if (fake.fail === 'cut') {
        // Half an object, then nothing.
        response.writeHead(200, { 'content-length': found?.length ?? 10 });
        response.write((found ?? Buffer.alloc(10)).subarray(0, 5), () => response.destroy());
      } else if (fake.fail !== undefined || fault) response.writeHead(fake.fail ?? 403).end('<Error/>');
      else if (request.method === 'PUT') {
        objects.set(key, body);
        response.writeHead(200).end();
      } else if (request.method === 'DELETE') {
        objects.delete(key);
        response.writeHead(204).end();
      } else if (!found) response.writeHead(404).end();
      else
        response.writeHead(200, { 'content-length': found.length }).end(request.method === 'HEAD' ? undefined : found);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has an address object.
  const { port } = server.address() as AddressInfo;
  const urlOf = (id: string, secret: string): string =>
    `s3://${id}:${encodeURIComponent(secret)}@127.0.0.1:${port}/bucket-1?region=${REGION}&tls=false`;
  const fake: FakeS3 = {
    url: urlOf(KEY_ID, SECRET),
    keys,
    addKey: (id, secret) => {
      keys.set(id, secret);
      return urlOf(id, secret);
    },
    objects,
    refused,
    fail: undefined,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return fake;
}
