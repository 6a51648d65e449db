/** Stands in for AWS Secrets Manager: `GetSecretValue`, and signatures of version 4 computed here from their specification. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface FakeSecretsManager {
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Secrets by the id of their access key. */
  readonly keys: Map<string, string>;
  /** Name of the secret of every request that was allowed, in order. */
  readonly requests: string[];
  put(name: string, secret: string | Buffer): void;
  close(): Promise<void>;
}

const REGION = 'eu-central-1';
const hmac = (key: string | Buffer, message: string): Buffer => createHmac('sha256', key).update(message).digest();
const sha256 = (message: string): string => createHash('sha256').update(message).digest('hex');
const AUTHORISATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/;

/** The name of the error that AWS would answer with; undefined for a request in order. */
function faultOf(request: IncomingMessage, body: string, keys: ReadonlyMap<string, string>): string | undefined {
  const match = AUTHORISATION.exec(request.headers.authorization ?? '');
  if (!match) return 'IncompleteSignatureException';
  const [, id = '', day = '', region = '', service = '', names = '', signature = ''] = match;
  const secret = keys.get(id);
  if (secret === undefined) return 'UnrecognizedClientException';
  if (region !== REGION || service !== 'secretsmanager') return 'InvalidSignatureException';
  const signed = names.split(';');
  if (!['host', 'x-amz-date', 'x-amz-target'].every((name) => signed.includes(name)))
    return 'InvalidSignatureException';
  const headers = signed.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`).join('');
  const canonical = [request.method, '/', '', headers, names, sha256(body)].join('\n');
  const date = String(request.headers['x-amz-date']);
  const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, toSign).toString('hex') === signature ? undefined : 'InvalidSignatureException';
}

export async function startFakeSecretsManager(): Promise<FakeSecretsManager> {
  const secrets = new Map<string, string | Buffer>();
  const accessKeyId = `AKIA${randomBytes(8).toString('hex').toUpperCase()}`;
  const secretAccessKey = randomBytes(30).toString('base64');
  const keys = new Map([[accessKeyId, secretAccessKey]]);
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const answer = (): readonly [number, unknown] => {
      const fault = faultOf(request, body, keys);
      if (fault !== undefined) return [400, { __type: fault, message: 'refused' }];
      if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue')
        return [400, { __type: 'UnknownOperationException' }];
      const { SecretId: name } = JSON.parse(body) as { SecretId: string };
      requests.push(name);
      const found = secrets.get(name);
      if (found === undefined)
        return [
          400,
          { __type: 'ResourceNotFoundException', Message: "Secrets Manager can't find the specified secret." },
        ];
      const value = typeof found === 'string' ? { SecretString: found } : { SecretBinary: found.toString('base64') };
      return [
        200,
        { ARN: `arn:aws:secretsmanager:${REGION}:1:secret:${name}-AbCdEf`, Name: name, VersionId: 'v', ...value },
      ];
    };
    const [status, value] = answer();
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: REGION,
    accessKeyId,
    secretAccessKey,
    keys,
    requests,
    put: (name, secret) => void secrets.set(name, secret),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
