/** The HTTP routes of lists of models, which the operator sets, and of policies, which organisations set. */
import { modelChoice, modelChoicePage, modelPolicy, putModelChoiceBody, putModelPolicyBody } from '@guildhall/contract';
import { actorOf, type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { Audit } from '../../audit/index.ts';
import { assertLive } from '../../identity/index.ts';
import type { ChoiceService } from './choices.ts';
import { NO_POLICY, type Policies } from './policy.ts';
import { findPolicy, putPolicy } from './store.ts';

const CHOICES = '/v1/operator/model-choices';
const POLICY = '/v1/model-policy';

export interface ChoiceRoutesDeps {
  readonly choices: ChoiceService;
  readonly policies: Policies;
  readonly audit: Pick<Audit, 'append'>;
}

interface Noted {
  readonly principal: Principal;
  readonly requestId: string;
}

const noteOf = ({ principal, requestId }: Noted) => ({
  orgId: principal.orgId,
  actorId: principal.keyId,
  requestId,
});

function choiceRoutes({ choices, audit }: ChoiceRoutesDeps): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: CHOICES,
      summary: 'List the models behind each class and tier',
      tag: 'Operator',
      scope: 'operator',
      responses: { 200: modelChoicePage },
      async handler({ principal }) {
        assertLive(principal);
        return { status: 200, body: { data: await choices.list(), nextCursor: null } };
      },
    }),
    route({
      method: 'PUT',
      path: CHOICES,
      summary: 'Set the models behind a class or a tier, or give back the default',
      tag: 'Operator',
      scope: 'operator',
      body: putModelChoiceBody,
      responses: { 200: modelChoice },
      async handler(call) {
        const { name, models } = call.body;
        assertLive(call.principal);
        await choices.assertFit(name, models ?? undefined);
        const answer = await call.mutate(async (tx) => {
          const body = await choices.put(tx, name, models ?? undefined);
          await audit.append(tx, {
            ...noteOf(call),
            actorType: 'operator',
            action: models ? 'model-choice.set' : 'model-choice.reset',
            targetType: 'model-choice',
            targetId: name,
            ...(models ? { data: { models: models.map(({ model, weight }) => `${model}=${weight}`).join(' ') } } : {}),
          });
          return { status: 200, body };
        });
        choices.changed();
        return answer;
      },
    }),
  ];
}

function policyRoutes({ policies, audit }: ChoiceRoutesDeps): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: POLICY,
      summary: 'Show which models and providers your organisation allows',
      tag: 'Models',
      scope: 'providers:read',
      responses: { 200: modelPolicy },
      async handler({ read }) {
        return { status: 200, body: (await read(findPolicy)) ?? NO_POLICY };
      },
    }),
    route({
      method: 'PUT',
      path: POLICY,
      summary: 'Set which models and providers your organisation allows; what is left out is not limited',
      tag: 'Models',
      scope: 'providers:write',
      body: putModelPolicyBody,
      responses: { 200: modelPolicy },
      async handler(call) {
        const { body } = call;
        assertLive(call.principal);
        const answer = await call.mutate(async (tx) => {
          await putPolicy(tx, body);
          await audit.append(tx, {
            ...noteOf(call),
            ...actorOf(call.principal),
            action: 'model-policy.set',
            targetType: 'model-policy',
            targetId: call.principal.orgId,
            data: {
              regions: body.regions?.join(' ') ?? 'any',
              refuseDataRetention: String(body.refuseDataRetention),
              mayFallBack: String(body.mayFallBack),
              allowedModels: body.allowedModels?.length ?? 'all',
            },
          });
          return { status: 200, body };
        });
        policies.changed(call.principal.orgId);
        return answer;
      },
    }),
  ];
}

export const choicesRoutes = (deps: ChoiceRoutesDeps): RouteDefinition[] => [
  ...choiceRoutes(deps),
  ...policyRoutes(deps),
];
