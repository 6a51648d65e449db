/** One request to one channel, shown the key as its provider wants it. */
import type { Egress, EgressResponse } from '../../../platform/egress/index.ts';
import { authHeaders } from '../channels/kinds.ts';
import type { Channel, Wire } from '../types.ts';
import type { CallLimits, UpstreamCall } from './types.ts';

const PATHS: Readonly<Record<Wire, string>> = {
  chat: '/chat/completions',
  responses: '/responses',
  messages: '/messages',
  embeddings: '/embeddings',
};

type ClientHeaders = NonNullable<UpstreamCall<never>['clientHeaders']>;

/** With a key of one's own, the account is one's own to choose within. */
const OWN_ACCOUNT: Partial<Record<Channel['kind'], readonly string[]>> = {
  openai: ['openai-organization', 'openai-project'],
  openrouter: ['http-referer', 'x-title'],
};
/** Beta features that change how Anthropic answers and not what it asks; with the operator's key no others are let through. */
const FREE_BETAS: ReadonlySet<string> = new Set([
  'context-management-2025-06-27',
  'effort-2025-11-24',
  'extended-cache-ttl-2025-04-11',
  'fine-grained-tool-streaming-2025-05-14',
  'interleaved-thinking-2025-05-14',
  'prompt-caching-2024-07-31',
  'structured-outputs-2025-11-13',
  'token-efficient-tools-2025-02-19',
]);
const HARMLESS_VALUE = /^[\x20-\x7e]{1,1000}$/;

/** The few headers of a client that a provider may see. */
export function forwarded(channel: Channel, wire: Wire, given: ClientHeaders): Record<string, string> {
  const own = channel.ownerOrgId === undefined ? [] : (OWN_ACCOUNT[channel.kind] ?? []);
  const names = wire === 'messages' && channel.kind === 'anthropic' ? [...own, 'anthropic-beta'] : own;
  const headers: Record<string, string> = {};
  for (const name of names) {
    const value = given[name];
    const text = typeof value === 'string' ? value : value?.join(',');
    if (text !== undefined && HARMLESS_VALUE.test(text)) headers[name] = text;
  }
  const betas = headers['anthropic-beta']?.split(',').map((beta) => beta.trim());
  if (betas === undefined || channel.ownerOrgId !== undefined) return headers;
  const { 'anthropic-beta': _, ...others } = headers;
  const free = betas.filter((beta) => FREE_BETAS.has(beta));
  return free.length === 0 ? others : { ...others, 'anthropic-beta': free.join(',') };
}

export interface Sending {
  readonly channel: Channel;
  readonly wire: Wire;
  readonly isStream: boolean;
  readonly body: Buffer | string;
  readonly clientHeaders: ClientHeaders;
  readonly signal: AbortSignal;
  readonly limits: CallLimits;
  readonly secret: string | undefined;
  readonly bodyError?: (reason: unknown) => unknown;
}

/** @throws what egress throws. */
export function send(egress: Egress, sending: Sending): Promise<EgressResponse> {
  const { channel, wire, isStream, body, clientHeaders, signal, limits, secret, bodyError } = sending;
  return egress.request(channel.baseUrl + PATHS[wire], {
    method: 'POST',
    headers: {
      ...forwarded(channel, wire, clientHeaders),
      ...authHeaders(channel.kind, secret),
      'content-type': 'application/json',
      accept: isStream ? 'text/event-stream' : 'application/json',
    },
    body,
    compressed: false,
    connectMs: limits.connectMs,
    firstByteMs: limits.firstByteMs,
    idleMs: limits.idleMs,
    totalMs: limits.totalMs,
    maxBytes: limits.answerBytesMax,
    signal,
    orgId: channel.ownerOrgId,
    ...(channel.isTrustedAddress ? { trustedOrigin: new URL(channel.baseUrl).origin } : {}),
    ...(bodyError ? { bodyError } : {}),
  });
}
