/** A bucket in memory that checks every signature by the published algorithm, written anew here so that it shares no mistake with the client. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeS3 {
  /** An S3_URL for it. */
  readonly url: string;
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

function expectedSignature(request: IncomingMessage, signedHeaders: string[], date: string): string {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const headers = signedHeaders.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join('');
  const payload = String(request.headers['x-amz-content-sha256']);
  const canonical = [request.method, path, query, headers, signedHeaders.join(';'), payload].join('\n');
  const day = date.slice(0, 8);
  const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${REGION}/s3/aws4_request`, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${SECRET}`, day), REGION), 's3'), 'aws4_request');
  return hmac(key, toSign).toString('hex');
}

/** Why the request must be refused; undefined when all is well. */
function faultOf(request: IncomingMessage, body: Buffer): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  const date = String(request.headers['x-amz-date']);
  if (!match) return 'no signature';
  if (match[1] !== KEY_ID || match[3] !== REGION || match[2] !== date.slice(0, 8)) return 'wrong credential scope';
  const signed = (match[4] ?? '').split(';');
  for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256'])
    if (!signed.includes(name)) return `${name} is not signed`;
  if (expectedSignature(request, signed, date) !== match[5]) return 'signature does not match';
  if (request.headers['x-amz-content-sha256'] !== sha256(body)) return 'body does not match its hash';
  return request.method === 'PUT' && request.headers['content-length'] === undefined ? 'no length' : undefined;
}

export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const key = request.url ?? '';
      const found = objects.get(key);
      const fault = faultOf(request, body);
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
  const fake: FakeS3 = {
    url: `s3://${KEY_ID}:${encodeURIComponent(SECRET)}@127.0.0.1:${port}/bucket-1?region=${REGION}&tls=false`,
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
