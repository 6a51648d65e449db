/** Answers that come in one piece. */

import { GuildhallError } from '../../../platform/errors/index.ts';
import type { JsonObject, TokenUsage } from '../types.ts';
import { fromProvider, readAnswer, wireErrors } from '../wire/index.ts';
import type { GatewayDeps } from './deps.ts';
import type { PlannedTarget } from './plan.ts';
import { factsOf, keepAnswer, type Prepared, upstreamCall } from './prepared.ts';
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

function read({ incoming, context }: Prepared, body: Buffer, target: PlannedTarget): Read {
  const answer = parse(body);
  const { usage, text } = readAnswer(target.wire, answer);
  const translated = fromProvider(incoming.wire, target.wire, answer, { ...context, usage });
  return { body: translated === answer ? body : Buffer.from(JSON.stringify(translated)), usage, text };
}

export async function answerWhole(deps: GatewayDeps, prepared: Prepared): Promise<WholeAnswer> {
  const { open } = prepared;
  const reached = await deps.upstream.ask({
    ...upstreamCall(prepared),
    read: (body, target: PlannedTarget) => read(prepared, body, target),
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
  keepAnswer(prepared, target, { body: answer.body, usage });
  return { kind: 'whole', ...factsOf(open, reached), body: answer.body, costNanos, usage };
}
