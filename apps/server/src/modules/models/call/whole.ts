/** Answers that come in one piece. */

import { GuildhallError } from '../../../platform/errors/index.ts';
import type { JsonObject, TokenUsage } from '../types.ts';
import { fromProvider, readUsage, wireErrors } from '../wire/index.ts';
import type { GatewayDeps } from './deps.ts';
import type { PlannedTarget } from './plan.ts';
import { factsOf, type Prepared, upstreamCall } from './prepared.ts';
import type { WholeAnswer } from './types.ts';

interface Read {
  readonly body: Buffer;
  readonly usage: TokenUsage | undefined;
  /** Counted where the provider does not say what was used. */
  readonly text: string;
}

function parse(body: Buffer): JsonObject {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GuildhallError(wireErrors.unreadableAnswer);
  // JSON.parse gives nothing but JSON.
  return value as JsonObject;
}

function readAnswer({ incoming, context }: Prepared, body: Buffer, target: PlannedTarget): Read {
  const answer = parse(body);
  const usage = readUsage(target.wire, answer);
  const translated = fromProvider(incoming.wire, target.wire, answer, { ...context, usage });
  return {
    body: translated === answer ? body : Buffer.from(JSON.stringify(translated)),
    usage,
    text: usage ? '' : deliveredText(answer),
  };
}

/** Every text of an answer, for want of the provider's own count: names of members are left out, values are what was made. */
function deliveredText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(deliveredText).join(' ');
  if (typeof value !== 'object' || value === null) return '';
  const { choices, content, output } = value as Record<string, unknown>;
  const made = choices ?? content ?? output;
  return made === undefined ? Object.values(value).map(deliveredText).join(' ') : deliveredText(made);
}

export async function answerWhole(deps: GatewayDeps, prepared: Prepared): Promise<WholeAnswer> {
  const { open } = prepared;
  const reached = await deps.upstream.ask({
    ...upstreamCall(prepared),
    read: (body, target: PlannedTarget) => readAnswer(prepared, body, target),
  });
  const { target, channel, attempts, answer } = reached;
  open.sawFirstToken();
  const { costNanos, usage } = await open.charge(
    target,
    { ...answer, given: () => answer.body },
    {
      status: 'succeeded',
      channelId: channel.id,
      attempts,
    },
  );
  return { kind: 'whole', ...factsOf(open, reached), body: answer.body, costNanos, usage };
}
