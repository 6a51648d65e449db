/** Tries a provider by the cheapest harmless call there is: what models do you have? */
import type { ProviderCheckOutcome } from '@guildhall/contract';
import type { Clock } from '../../../platform/clock/index.ts';
import { type Egress, egressErrors } from '../../../platform/egress/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { ProviderKind } from '../types.ts';
import { authHeaders, KIND_NAMES } from './kinds.ts';
import type { Check } from './types.ts';

export interface Probed {
  readonly kind: ProviderKind;
  readonly baseUrl: string;
  readonly key: string | undefined;
  /** The operator set the address, so it may be a private one. */
  readonly isTrustedAddress?: boolean;
  /** Default 10 s. */
  readonly totalMs?: number;
}

const TOTAL_MS = 10_000;
/** A list of models takes well under a second everywhere; calls to what is slower will be felt. */
const SLOW_MS = 5_000;
// OpenRouter's list, the longest known, has 400 models in 1 MB.
const LIST_MAX_BYTES = 8 * 1024 * 1024;
export const MODELS_MAX = 2_000;
const MODEL_NAME = /^[\x21-\x7e]{1,200}$/;

// OpenRouter shows its list to everyone, so the key is asked about first.
const KEY_PATHS: Partial<Record<ProviderKind, string>> = { openrouter: '/key' };

interface Verdict {
  readonly outcome: ProviderCheckOutcome;
  readonly detail: string;
  readonly status?: number;
  readonly models?: readonly string[];
}

/** Names out of what OpenAI, Anthropic, Google and Ollama call a list; undefined when it is none. */
export function modelNames(kind: ProviderKind, body: unknown): readonly string[] | undefined {
  const list = typeof body === 'object' && body !== null && 'data' in body ? body.data : body;
  if (!Array.isArray(list)) return undefined;
  const names = list
    .map((one: unknown) => (typeof one === 'object' && one !== null && 'id' in one ? one.id : undefined))
    .filter((id) => typeof id === 'string')
    .map((id) => (kind === 'google' ? id.replace(/^models\//, '') : id))
    .filter((id) => MODEL_NAME.test(id));
  return [...new Set(names)].slice(0, MODELS_MAX);
}

function refusalOf(kind: ProviderKind, status: number): Verdict | undefined {
  const provider = KIND_NAMES[kind];
  // Google answers 400 to a key that it does not know.
  if (status === 401 || status === 403 || (kind === 'google' && status === 400))
    return { outcome: 'key-refused', detail: `${provider} refused the key.`, status };
  if (status === 429)
    return { outcome: 'rate-limited', detail: `${provider} takes no more calls from this account now.`, status };
  if (status >= 500)
    return { outcome: 'provider-fault', detail: `${provider} answered with a fault of its own.`, status };
  if (status >= 300)
    return { outcome: 'not-this-wire', detail: `The address does not list models as ${provider} does.`, status };
  return undefined;
}

function faultOf(kind: ProviderKind, error: unknown): Verdict {
  if (!(error instanceof GuildhallError)) throw error;
  const { spec, details } = error;
  if (spec === egressErrors.denied)
    return { outcome: 'address-refused', detail: details.detail ?? 'This address must not be called.' };
  if (spec === egressErrors.unreachable || spec === egressErrors.connectTimeout)
    return { outcome: 'unreachable', detail: details.detail ?? 'Nothing answers at this address.' };
  if (spec === egressErrors.timeout)
    return { outcome: 'unreachable', detail: 'There was no whole answer within 10 seconds.' };
  return { outcome: 'not-this-wire', detail: `The address does not answer as ${KIND_NAMES[kind]} does.` };
}

async function ask(egress: Pick<Egress, 'request'>, probed: Probed): Promise<Verdict> {
  const { kind, baseUrl, key, isTrustedAddress, totalMs = TOTAL_MS } = probed;
  const trust = isTrustedAddress ? { trustedOrigin: new URL(baseUrl).origin } : {};
  const headers = { accept: 'application/json', ...authHeaders(kind, key) };
  const get = async (path: string) => {
    const answer = await egress.request(`${baseUrl}${path}`, { headers, totalMs, maxBytes: LIST_MAX_BYTES, ...trust });
    return { status: answer.status, text: await answer.text() };
  };
  const keyPath = KEY_PATHS[kind];
  const keyRefusal = keyPath === undefined ? undefined : refusalOf(kind, (await get(keyPath)).status);
  if (keyRefusal) return keyRefusal;
  const { status, text } = await get(kind === 'anthropic' ? '/models?limit=1000' : '/models');
  const refusal = refusalOf(kind, status);
  if (refusal) return refusal;
  const models = modelNames(kind, parsed(text));
  if (!models)
    return {
      outcome: 'not-this-wire',
      detail: `The address does not list models as ${KIND_NAMES[kind]} does.`,
      status,
    };
  return { outcome: 'ok', detail: `It answers and has ${models.length} models.`, status, models };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Another program answers there; that is told as such.
    return undefined;
  }
}

/** Never throws for anything the other side does, and never repeats what it wrote: that may hold the key. */
export async function probe(egress: Pick<Egress, 'request'>, clock: Clock, probed: Probed): Promise<Check> {
  const startedMs = clock.monotonicMs();
  const verdict = await ask(egress, probed).catch((error: unknown) => faultOf(probed.kind, error));
  const ms = Math.round(clock.monotonicMs() - startedMs);
  const isSlow = verdict.outcome === 'ok' && ms > SLOW_MS;
  return {
    outcome: isSlow ? 'slow' : verdict.outcome,
    detail: isSlow ? `It answers, but took ${ms} ms to list its models.` : verdict.detail,
    status: verdict.status,
    ms,
    models: verdict.models ?? [],
    at: clock.now(),
  };
}

/** Whether calls can be expected to succeed. */
export const isWorking = ({ outcome }: Pick<Check, 'outcome'>): boolean => outcome === 'ok' || outcome === 'slow';
