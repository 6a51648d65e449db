/** AWS Secrets Manager, by its HTTP interface. */
import { AwsV4Signer } from 'aws4fetch';
import { z } from 'zod';
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';
import type { Egress, EgressResponse } from '../egress/index.ts';
import { ASK_MS, DOCUMENT_MAX_BYTES, fieldsOf, type ReadDocument, SecretFault } from './types.ts';

export interface AwsOptions {
  readonly region: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}

const valueAnswer = z.object({ SecretString: z.string().optional(), SecretBinary: z.string().optional() });
const errorAnswer = z.object({ __type: z.string() });
const WHY: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'does not exist',
  AccessDeniedException: 'is not allowed: may this access key read it?',
  UnrecognizedClientException: 'is not allowed: is the access key right?',
  InvalidSignatureException: 'is not allowed: is the secret of the access key right, and the clock of this machine?',
  ExpiredTokenException: 'is not allowed: the session token has expired',
  InvalidRequestException: 'is about to be deleted',
  DecryptionFailure: 'cannot be decrypted: may this access key use its KMS key?',
};

export function createAwsReader(egress: Egress, clock: Clock, options: AwsOptions): ReadDocument {
  const url = `${options.endpoint}/`;
  const trustedOrigin = new URL(url).origin;
  return async (path) => {
    const what = `AWS Secrets Manager: ${path}`;
    const body = JSON.stringify({ SecretId: path });
    const signed = await new AwsV4Signer({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
      body,
      accessKeyId: options.accessKeyId,
      secretAccessKey: options.secretAccessKey.reveal(),
      ...(options.sessionToken ? { sessionToken: options.sessionToken.reveal() } : {}),
      service: 'secretsmanager',
      region: options.region,
      // `20260102T030405Z`
      datetime: clock
        .now()
        .toISOString()
        .replace(/[:-]|\.\d{3}/g, ''),
    }).sign();
    const headers = Object.fromEntries(signed.headers);
    let answer: EgressResponse;
    try {
      answer = await egress.request(url, {
        method: 'POST',
        headers,
        body,
        trustedOrigin,
        totalMs: ASK_MS,
        maxBytes: DOCUMENT_MAX_BYTES * 2,
      });
    } catch (cause) {
      throw new SecretFault(`AWS Secrets Manager at ${trustedOrigin} does not answer`, { cause });
    }
    const { SecretString, SecretBinary } = await parsed(answer, what);
    const text =
      SecretString ?? (SecretBinary === undefined ? undefined : Buffer.from(SecretBinary, 'base64').toString());
    if (text === undefined) throw new SecretFault(`${what} holds nothing`);
    return fieldsOf(text);
  };
}

async function parsed(answer: EgressResponse, what: string): Promise<z.infer<typeof valueAnswer>> {
  const text = await answer.text().catch((cause: unknown) => {
    throw new SecretFault(`${what} could not be read to its end`, { cause });
  });
  const json = jsonOf(text);
  if (answer.status === 200) {
    const value = valueAnswer.safeParse(json);
    if (value.success) return value.data;
    throw new SecretFault(`${what} answered something else than a secret`);
  }
  const type = errorAnswer.safeParse(json).data?.__type.split('#').at(-1) ?? '';
  throw new SecretFault(
    `${what} ${WHY[type] ?? `cannot be read (${answer.status} ${/^\w{0,64}$/.test(type) ? type : ''})`}`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever stands there, it is no answer of this service.
    return undefined;
  }
}
