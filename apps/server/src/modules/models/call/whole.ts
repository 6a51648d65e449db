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
  /** The answer for a client who is told what was counted. */
  telling(counted: TokenUsage): Buffer;
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
  const telling = (counted?: TokenUsage): Buffer => {
    const translated = fromProvider(incoming.wire, target.wire, answer, { ...context, usage: counted });
    return translated === answer ? body : Buffer.from(JSON.stringify(translated));
  };
  return { body: telling(), usage, text, telling };
}

export async function answerWhole(deps: GatewayDeps, prepared: Prepared): Promise<WholeAnswer> {
  const { open } = prepared;
  const reached = await deps.upstream.ask({
    ...upstreamCall(prepared),
    read: (body, target: PlannedTarget) => read(prepared, body, target),
  });
  const { target, channel, attempts, answer } = reached;
  open.sawFirstToken();
  const usage = answer.usage ?? (await open.usageOf(answer));
  const body = answer.usage ? answer.body : answer.telling(usage);
  const delivered = { usage, text: answer.text, given: () => body };
  const end = { status: 'succeeded' as const, channelId: channel.id, attempts };
  const { costNanos, usage: charged } = await open.charge(target, delivered, end);
  keepAnswer(prepared, target, { body, usage: charged });
  return { kind: 'whole', ...factsOf(open, reached), body, costNanos, usage: charged };
}
