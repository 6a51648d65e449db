/** Routes that start, show, stop and repeat runs. */
import {
  approvalBody,
  estimate,
  estimateBody,
  pageOf,
  replayBody,
  run,
  runListQuery,
  startRunBody,
  startRunQuery,
  step,
} from '@guildhall/contract';
import { z } from 'zod';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Answer, type RouteDefinition, replaceAnswer, route } from '../../../platform/http/index.ts';
import type { RunsDeps } from '../deps.ts';
import { announceCancel } from '../engine/cancel.ts';
import { announce, namesFiles, orRefusal } from '../engine/start.ts';
import { runErrors } from '../errors.ts';
import type { RunsService } from '../service.ts';
import { streamEvents } from '../stream.ts';
import { isTerminal, type RunRow } from '../types.ts';

const agentParams = z.strictObject({ id: z.string().max(64) });
const runParams = z.strictObject({ id: z.string().max(80) });
const SEQ = /^\d{1,9}$/;
// Far above what one console opens, far below what would starve others of sockets.
const STREAMS_PER_ORG_MAX = 500;

export function runRoutes(deps: RunsDeps, runs: RunsService): RouteDefinition[] {
  return [...startRoutes(deps, runs), ...readRoutes(deps, runs), ...changeRoutes(deps, runs)];
}

function startRoutes(deps: RunsDeps, runs: RunsService): RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/agents/{id}/estimate',
      summary: 'Estimate what a run would cost',
      tag: 'Agents',
      scope: 'agents:read',
      params: agentParams,
      body: estimateBody,
      responses: { 200: estimate },
      handler: async ({ params, body, principal }) => ({
        status: 200,
        body: await runs.estimate(principal, { agentId: params.id, input: body.input, tier: body.tier }),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/agents/{id}/runs',
      summary: 'Start a run',
      tag: 'Runs',
      scope: 'runs:write',
      params: agentParams,
      query: startRunQuery,
      body: startRunBody,
      responses: { 200: run, 202: run },
      handler: async (call) => {
        const { params, body, principal, requestId } = call;
        const priced = await runs.quote({
          orgId: principal.orgId,
          agentId: params.id,
          input: body.input,
          tier: body.tier,
        });
        await runs.assertPace(principal.orgId, priced);
        let fresh = false;
        const request = {
          principal,
          agentId: params.id,
          input: body.input,
          tier: body.tier,
          maxCost: body.maxCost,
          metadata: body.metadata ?? {},
          requestId,
        };
        const admit = async (tx?: Tx) => {
          const row = await (tx ? runs.start(tx, priced, request) : runs.startAlone(priced, request));
          fresh = true;
          return { status: 202, body: await runs.present(row) };
        };
        const key = call.raw.headers['idempotency-key'];
        // Admission is one statement, so without a key to remember and files to look up it needs no transaction around it.
        const alone = key === undefined && !namesFiles(priced);
        const answer = await orRefusal(alone ? admit() : call.mutate(admit));
        if (!fresh) return answer;
        await deps.failpoint('admit.after-commit');
        const { wait } = call.query;
        // Armed before a worker can hear of the run.
        const ending =
          wait > 0
            ? runs.waitForEnd({
                orgId: principal.orgId,
                id: answer.body.id,
                timeoutMs: wait * 1_000,
                signal: call.signal,
              })
            : undefined;
        announce(deps, answer.body);
        if (ending === undefined) return answer;
        return waited(deps, runs, { orgId: principal.orgId, answer, ending, key });
      },
    }),
  ];
}

/** Waits for the end; when it came, that is the answer, also for a retry of the request. */
async function waited(
  deps: RunsDeps,
  runs: RunsService,
  input: {
    orgId: string;
    answer: Answer<{ id: string }>;
    ending: Promise<RunRow | undefined>;
    key: string | string[] | undefined;
  },
): Promise<Answer<object>> {
  const ended = await input.ending;
  if (!ended || !isTerminal(ended.status))
    return { status: 202, body: ended ? await runs.present(ended) : input.answer.body };
  const answer = { status: 200, body: await runs.present(ended) };
  const { key, orgId } = input;
  if (typeof key === 'string') await deps.db.tenant(orgId, (tx) => replaceAnswer(tx, { orgId, key }, answer));
  return answer;
}

function readRoutes(deps: RunsDeps, runs: RunsService): RouteDefinition[] {
  const streams = new Map<string, number>();
  return [
    route({
      method: 'GET',
      path: '/v1/runs',
      summary: 'List runs, newest first',
      tag: 'Runs',
      scope: 'runs:read',
      query: runListQuery,
      responses: { 200: pageOf(run) },
      handler: async ({ query, principal, read }) => {
        const { cursor: before, ...filter } = query;
        return { status: 200, body: await read((tx) => runs.list(tx, principal, { ...filter, before })) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/runs/{id}',
      summary: 'Show a run',
      tag: 'Runs',
      scope: 'runs:read',
      params: runParams,
      responses: { 200: run },
      handler: async ({ params, principal }) => ({ status: 200, body: await runs.get(principal, params.id) }),
    }),
    route({
      method: 'GET',
      path: '/v1/runs/{id}/steps',
      summary: 'List the steps of a run',
      tag: 'Runs',
      scope: 'runs:read',
      params: runParams,
      responses: { 200: pageOf(step) },
      handler: async ({ params, principal }) => ({
        status: 200,
        body: { data: await runs.steps(principal, params.id), nextCursor: null },
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/runs/{id}/events',
      summary: 'Follow a run as server-sent events',
      tag: 'Runs',
      scope: 'runs:read',
      params: runParams,
      responses: { 200: null },
      handler: async ({ params, principal, raw, reply, signal }) => {
        const row = await runs.getRow(principal, params.id);
        // A HEAD would wait for the end of the run, for nothing.
        if (raw.method === 'HEAD') {
          await reply.type('text/event-stream; charset=utf-8').send();
          return undefined;
        }
        const last = raw.headers['last-event-id'];
        const after = typeof last === 'string' && SEQ.test(last) ? Number(last) : 0;
        const open = streams.get(principal.orgId) ?? 0;
        if (open >= STREAMS_PER_ORG_MAX) throw new GuildhallError(runErrors.tooManyStreams);
        streams.set(principal.orgId, open + 1);
        try {
          await streamEvents(deps, { orgId: principal.orgId, run: row, after, reply, signal });
        } finally {
          const left = (streams.get(principal.orgId) ?? 1) - 1;
          if (left > 0) streams.set(principal.orgId, left);
          else streams.delete(principal.orgId);
        }
        return undefined;
      },
    }),
  ];
}

function changeRoutes(deps: RunsDeps, runs: RunsService): RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/runs/{id}/cancel',
      summary: 'Cancel a run',
      tag: 'Runs',
      scope: 'runs:write',
      params: runParams,
      responses: { 202: run },
      handler: async (call) => {
        let after = (): void => {};
        const answer = await call.mutate(async (tx) => {
          const { run: row, effect } = await runs.cancel(tx, call.principal, call.params.id, call.requestId);
          after = () => announceCancel(deps, row, effect);
          return { status: 202, body: await runs.present(row, tx) };
        });
        after();
        return answer;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/runs/{id}/replay',
      summary: 'Replay a run from its record, or fork it from a step',
      tag: 'Runs',
      scope: 'runs:write',
      params: runParams,
      body: replayBody,
      responses: { 202: run },
      handler: async (call) => {
        const { principal, requestId, body, params } = call;
        await runs.getRow(principal, params.id);
        await runs.readPrices(principal.orgId);
        const admitting = call.mutate(async (tx) => {
          const row = await runs.replay(tx, {
            principal,
            runId: params.id,
            fromStep: body.fromStep,
            input: body.input,
            requestId,
          });
          return { status: 202, body: await runs.present(row, tx) };
        });
        const answer = await orRefusal(admitting);
        announce(deps, answer.body);
        return answer;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/runs/{id}/approvals/{approvalId}',
      summary: 'Decide what a run waits for',
      tag: 'Runs',
      scope: 'runs:write',
      params: z.strictObject({ id: z.string().max(80), approvalId: z.string().max(80) }),
      body: approvalBody,
      responses: { 200: run },
      handler: async (call) => {
        const { principal, requestId, body, params } = call;
        await runs.getRow(principal, params.id);
        const answer = await call.mutate(async (tx) => {
          const decided = await runs.decide(tx, {
            principal,
            runId: params.id,
            approvalId: params.approvalId,
            decision: body.decision,
            comment: body.comment,
            requestId,
          });
          return { status: 200, body: decided };
        });
        deps.bus.publish('work', params.id);
        deps.bus.publish('run', params.id);
        return answer;
      },
    }),
  ];
}
