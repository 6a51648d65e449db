/** Brings secrets from where they lie into the environment: the one place that follows references. */
import { systemClock } from '../platform/clock/index.ts';
import { Secret } from '../platform/crypto/index.ts';
import type { Reference, SecretRead } from '../platform/secrets/index.ts';
import type { SecretOrigin } from './secrets.ts';
import { type Environment, given, SETTINGS } from './settings.ts';

export interface ResolvedEnvironment {
  /** With values in the place of references. */
  readonly environment: Environment;
  /** One a line; what could not be read is left out of the environment. */
  readonly faults: readonly string[];
  readonly origins: ReadonlyMap<string, SecretOrigin>;
}

type References = Map<string, Reference>;

const SECRET_NAMES = SETTINGS.filter((setting) => 'secret' in setting).map(({ name }) => name);
/** What a store is asked with cannot lie in a store. */
const OF_STORES = new Set<string>([
  'VAULT_TOKEN',
  'VAULT_SECRET_ID',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
]);

const REFERENCE = /^\s*(?:file|vault|aws):/;

/** A secret may be given as itself, as `NAME_FILE`, or as a reference. Never throws for what an operator wrote. */
export async function resolveSecrets(environment: Environment): Promise<ResolvedEnvironment> {
  const isAny = SECRET_NAMES.some(
    (name) => given(environment[`${name}_FILE`]) !== undefined || REFERENCE.test(environment[name] ?? ''),
  );
  if (!isAny) return { environment, faults: [], origins: new Map() };
  // Loaded where there is something to read: most commands have nothing.
  return resolve(environment, await import('../platform/secrets/index.ts'));
}

type Secrets = typeof import('../platform/secrets/index.ts');

async function resolve(environment: Environment, secrets: Secrets): Promise<ResolvedEnvironment> {
  const faults: string[] = [];
  const own: References = new Map();
  const others: References = new Map();
  for (const name of SECRET_NAMES) {
    try {
      const reference = referenceOf(name, environment, secrets);
      if (reference) (OF_STORES.has(name) ? own : others).set(name, reference);
    } catch (error) {
      if (!(error instanceof secrets.MalformedReference)) throw error;
      faults.push(`${name}: ${error.message}`);
    }
  }
  const broken = new Set(faults.map((fault) => fault.slice(0, fault.indexOf(':'))));
  const values: Record<string, string | undefined> = { ...environment };
  for (const name of broken) values[name] = undefined;
  // What stores are asked with first, for the others may lie in them.
  for (const references of [own, others]) {
    for (const [name, found] of await readAll(references, values, secrets)) {
      values[name] = found.ok ? found.value : undefined;
      if (!found.ok) faults.push(`${name}: ${found.fault}`);
    }
  }
  const origins = new Map([...own, ...others].map(([name, { store }]) => [name, store] as const));
  return { environment: values, faults, origins };
}

/** @throws MalformedReference */
function referenceOf(
  name: string,
  environment: Environment,
  { MalformedReference, parseReference }: Secrets,
): Reference | undefined {
  const text = given(environment[name]);
  const file = given(environment[`${name}_FILE`]);
  if (text !== undefined && file !== undefined)
    throw new MalformedReference(`is given twice; leave out ${name} or ${name}_FILE`);
  if (file !== undefined) return { store: 'file', path: file };
  const reference = text === undefined ? undefined : parseReference(text);
  if (reference && reference.store !== 'file' && OF_STORES.has(name))
    throw new MalformedReference('must be a value or a file, since stores are asked with it');
  return reference;
}

/** The way out is loaded only where a store is to be asked: it takes a tenth of a second. */
async function readAll(
  references: References,
  environment: Environment,
  { createSecretReader, createVaultReader, createAwsReader }: Secrets,
): Promise<ReadonlyMap<string, SecretRead>> {
  if (references.size === 0) return new Map();
  const stores = new Set([...references.values()].map(({ store }) => store));
  if (!stores.has('vault') && !stores.has('aws'))
    return createSecretReader({ vault: undefined, aws: undefined }).read(references);
  const { createEgress } = await import('../platform/egress/index.ts');
  const egress = createEgress({ allowPrivateCidrs: [], clock: systemClock });
  try {
    const vault = vaultOf(environment);
    const aws = awsOf(environment);
    const reader = createSecretReader({
      vault: vault && createVaultReader(egress, systemClock, vault),
      aws: aws && createAwsReader(egress, systemClock, aws),
    });
    return await reader.read(references);
  } finally {
    await egress.close();
  }
}

type Options<T extends (...parameters: never[]) => unknown> = Parameters<T>[2];
type VaultOptions = Options<typeof import('../platform/secrets/index.ts')['createVaultReader']>;
type AwsOptions = Options<typeof import('../platform/secrets/index.ts')['createAwsReader']>;

const addressOf = (text: string | undefined): string | undefined =>
  text !== undefined && /^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text.replace(/\/+$/, '') : undefined;

function vaultOf(environment: Environment): VaultOptions | undefined {
  const address = addressOf(given(environment.VAULT_ADDR));
  const token = given(environment.VAULT_TOKEN);
  const roleId = given(environment.VAULT_ROLE_ID);
  const secretId = given(environment.VAULT_SECRET_ID);
  if (address === undefined) return undefined;
  const namespace = given(environment.VAULT_NAMESPACE);
  if (token !== undefined) return { address, namespace, login: { kind: 'token', token: new Secret(token) } };
  if (roleId === undefined || secretId === undefined) return undefined;
  return { address, namespace, login: { kind: 'approle', roleId, secretId: new Secret(secretId) } };
}

function awsOf(environment: Environment): AwsOptions | undefined {
  const region = given(environment.AWS_REGION);
  const accessKeyId = given(environment.AWS_ACCESS_KEY_ID);
  const secretAccessKey = given(environment.AWS_SECRET_ACCESS_KEY);
  if (region === undefined || accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const session = given(environment.AWS_SESSION_TOKEN);
  return {
    region,
    endpoint:
      addressOf(given(environment.AWS_ENDPOINT_URL_SECRETS_MANAGER)) ??
      `https://secretsmanager.${region}.amazonaws.com`,
    accessKeyId,
    secretAccessKey: new Secret(secretAccessKey),
    sessionToken: session === undefined ? undefined : new Secret(session),
  };
}
