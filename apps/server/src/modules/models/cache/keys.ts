/** What decides whether two requests have the same answer. */
import type { Keyring } from '../../../platform/crypto/index.ts';
import type { JsonObject, Wire } from '../types.ts';
import type { Section } from './types.ts';

const KEY_PURPOSE = 'model-cache-key';
const ENTRY_PURPOSE = 'model-cache-entry';

/**
 * They say who asks or how the provider shall cache, and the answer is the same without them. Answers of `responses` repeat what they were asked,
 * so there everything counts.
 */
const WITHOUT_EFFECT: Readonly<Record<Wire, ReadonlySet<string>>> = {
  chat: new Set(
    'user safety_identifier metadata store prompt_cache_key prompt_cache_retention prompt_cache_options'.split(' '),
  ),
  messages: new Set(['metadata']),
  responses: new Set(),
  embeddings: new Set(),
};

/** JSON with members in one order, whatever order they came in. The depth of bodies is limited where they are read. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}

/** They stand in the key as they were understood. */
const READ: ReadonlySet<string> = new Set(['model', 'stream']);

/** The body without what does not change the answer. */
export const deciding = (wire: Wire, body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !READ.has(name) && !WITHOUT_EFFECT[wire].has(name)));

/** Nobody without the installation's key can tell from a key what was asked, nor make one. The organisation is part of it. */
export const keyOf = (
  keyring: Pick<Keyring, 'mac'>,
  { orgId, mode, kind }: Section,
  parts: readonly unknown[],
): Buffer => keyring.mac(KEY_PURPOSE, canonical([orgId, mode, kind, ...parts]));

/** Shows that an entry was written by us under this very key. */
export const entryMac = (keyring: Pick<Keyring, 'mac'>, key: Buffer, content: Buffer): Buffer =>
  keyring.mac(ENTRY_PURPOSE, Buffer.concat([key, content]));
export const isGenuine = (
  keyring: Pick<Keyring, 'verifyMac'>,
  entry: { readonly key: Buffer; readonly content: Buffer; readonly mac: Buffer },
): boolean => keyring.verifyMac(ENTRY_PURPOSE, Buffer.concat([entry.key, entry.content]), entry.mac);
