/** The limits, as callers see theirs and as the operator sets them. */
import { z } from 'zod';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type RouteDefinition, type RouteLimit, route } from '../../../platform/http/index.ts';
import type { Audit } from '../../audit/index.ts';
import { assertLive } from '../../identity/index.ts';
import { opsErrors } from '../errors.ts';
import { EVERYBODY } from './rules.ts';
import type { Limits } from './service.ts';
import { putOverride } from './store.ts';

const PATH = '/v1/operator/limits';
const MAX_MAX = 1_000_000_000;
const DAY_SECONDS = 86_400;

const per = z.enum(['ip', 'person', 'key', 'organisation']);
const max = z.number().int().min(1).max(MAX_MAX);
const windowSeconds = z.number().int().min(1).max(DAY_SECONDS);

const standing = z.object({
  name: z.string(),
  per,
  limit: z.number(),
  windowSeconds: z.number(),
  remaining: z.number(),
  resetSeconds: z.number(),
  setByOperator: z.boolean(),
});
const setting = z.object({
  name: z.string(),
  per,
  organisationId: z.string().nullable(),
  max: z.number(),
  windowSeconds: z.number(),
  setByOperator: z.boolean(),
});
const page = <T extends z.ZodType>(item: T) => z.object({ data: z.array(item), nextCursor: z.null() });
const body = z.strictObject({
  name: z.string().max(64),
  organisationId: z.string().min(1).max(80).optional(),
  max: max.nullable(),
  windowSeconds: windowSeconds.optional(),
});
type Change = z.output<typeof body>;

export interface LimitRoutesDeps {
  readonly limits: Limits;
  readonly audit: Pick<Audit, 'append'>;
}

function settingsOf(limits: Limits): z.input<typeof setting>[] {
  const overrides = limits.overrides();
  return [...limits.known().values()].flatMap((limit) => {
    const set = overrides.get(limit.name);
    const everybody = set?.get(EVERYBODY);
    const shown = { name: limit.name, per: limit.per };
    const { max: own, windowSeconds: window } = everybody ?? limit;
    const general = { ...shown, organisationId: null, max: own, windowSeconds: window, setByOperator: !!everybody };
    const ofOrganisations = [...(set ?? [])].filter(([organisation]) => organisation !== EVERYBODY);
    return [
      general,
      ...ofOrganisations.map(([organisationId, one]) => ({ ...shown, organisationId, ...one, setByOperator: true })),
    ];
  });
}

/** @throws 422 for a name that no limit has, and for an organisation's own limit of addresses. */
function assertFit(limits: Limits, { name, organisationId }: Change): RouteLimit {
  const limit = limits.known().get(name);
  const names = [...limits.known().keys()].join(', ');
  if (!limit)
    throw new GuildhallError(opsErrors.limitUnfit, { errors: [{ path: '/name', message: `is none of ${names}` }] });
  if (limit.per === 'ip' && organisationId !== undefined)
    throw new GuildhallError(opsErrors.limitUnfit, {
      errors: [{ path: '/organisationId', message: `cannot be given: ${name} counts addresses` }],
    });
  return limit;
}

function setRoute({ limits, audit }: LimitRoutesDeps): RouteDefinition {
  return route({
    method: 'PUT',
    path: PATH,
    summary: 'Set a limit for everybody or for one organisation, or give back the default',
    tag: 'Operator',
    scope: 'operator',
    body,
    responses: { 200: setting },
    async handler(call) {
      assertLive(call.principal);
      const limit = assertFit(limits, call.body);
      const { name, organisationId = EVERYBODY } = call.body;
      const window = call.body.windowSeconds ?? limit.windowSeconds;
      const override = call.body.max === null ? undefined : { max: call.body.max, windowSeconds: window };
      const answer = await call.mutate(async (tx) => {
        await putOverride(tx, { name, organisation: organisationId }, override);
        await audit.append(tx, {
          orgId: call.principal.orgId,
          actorType: 'operator',
          actorId: call.principal.keyId,
          action: override ? 'limit.set' : 'limit.reset',
          targetType: 'limit',
          targetId: name,
          requestId: call.requestId,
          data: { ...(override ?? {}), organisation: organisationId === EVERYBODY ? 'all' : organisationId },
        });
        const shown = override ?? { max: limit.max, windowSeconds: limit.windowSeconds };
        const forWhom = organisationId === EVERYBODY ? null : organisationId;
        const told = { name, per: limit.per, organisationId: forWhom, ...shown, setByOperator: override !== undefined };
        return { status: 200, body: told };
      });
      await limits.changed();
      return answer;
    },
  });
}

export const limitRoutes = (deps: LimitRoutesDeps): RouteDefinition[] => [
  route({
    method: 'GET',
    path: '/v1/limits',
    summary: 'Show the limits that count your requests, and what is left of each',
    tag: 'Limits',
    scope: 'agents:read',
    responses: { 200: page(standing) },
    async handler({ principal, raw }) {
      const found = await deps.limits.standings({ principal, ip: raw.ip });
      const data = found.map(({ limitOf, isSet, limit, windowSeconds: window, remaining, resetSeconds }) => ({
        ...{ name: limitOf.name, per: limitOf.per, limit, windowSeconds: window, remaining, resetSeconds },
        setByOperator: isSet,
      }));
      return { status: 200, body: { data, nextCursor: null } };
    },
  }),
  route({
    method: 'GET',
    path: PATH,
    summary: 'List all limits: what holds for everybody, and for single organisations',
    tag: 'Operator',
    scope: 'operator',
    responses: { 200: page(setting) },
    async handler({ principal }) {
      assertLive(principal);
      return { status: 200, body: { data: settingsOf(deps.limits), nextCursor: null } };
    },
  }),
  setRoute(deps),
];
