/** The HTTP routes of sign-up and of a person's own account. */
import {
  adminLinkBody,
  changeEmailBody,
  emailBody,
  linkBody,
  mailSent,
  me,
  passwordBody,
  personParams,
  personStanding,
  resetBody,
  signUpBody,
  updateMeBody,
  updatePersonBody,
  verified,
} from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { ACCOUNT_MAIL, LINK, SIGN_UP } from '../rates.ts';
import { attemptOf, selfOf } from '../request.ts';
import { assertLive } from '../rules.ts';
import { describeMe, getPerson } from './account.ts';
import { type PeopleDeps, recordPerson } from './deps.ts';
import type { Recovery } from './recovery.ts';
import type { SignUp } from './sign-up.ts';
import type { Standing } from './standing.ts';
import { setProfile } from './store.ts';

const TAG = 'People';
const DONE = { status: 204, body: {} } as const;
const SENT = { status: 202, body: { status: 'mail-sent' } } as const;

/** The use cases behind the routes. */
export interface PeopleUseCases extends SignUp, Recovery, Standing {}

export function peopleRoutes(deps: PeopleDeps, people: PeopleUseCases): readonly RouteDefinition[] {
  return [
    ...signUpRoutes(people),
    ...linkRoutes(people),
    ...meRoutes(deps),
    ...changeRoutes(people),
    standingRoute(people),
  ];
}

function signUpRoutes(signUp: SignUp): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/sign-up',
      summary:
        'Sign up; a link to verify the address is mailed. The answer is the same for an address that has an account.',
      tag: TAG,
      scope: 'public',
      limits: SIGN_UP,
      body: signUpBody,
      responses: { 202: mailSent },
      async handler(call) {
        await signUp.signUp(call.body, attemptOf(call, call.body.email));
        return SENT;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/verification',
      summary: 'Mail another link to verify an address. The answer is the same for every address.',
      tag: TAG,
      scope: 'public',
      limits: ACCOUNT_MAIL,
      body: emailBody,
      responses: { 202: mailSent },
      async handler(call) {
        await signUp.sendVerification(attemptOf(call, call.body.email));
        return SENT;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/verify',
      summary: 'Verify an address with the token of the link that was mailed there; it works once, for 24 hours.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: linkBody,
      responses: { 200: verified },
      async handler(call) {
        const { personId } = await signUp.verify(call.body.token, call.requestId);
        return { status: 200, body: { status: 'verified', personId } };
      },
    }),
  ];
}

function linkRoutes(people: PeopleUseCases): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/reset',
      summary: 'Mail a link to set a new password. The answer is the same for every address.',
      tag: TAG,
      scope: 'public',
      limits: ACCOUNT_MAIL,
      body: emailBody,
      responses: { 202: mailSent },
      async handler(call) {
        await people.sendReset(attemptOf(call, call.body.email));
        return SENT;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/reset/confirm',
      summary: 'Set a new password with the token of the link that was mailed; all sessions end, and none begins.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: resetBody,
      responses: { 204: null },
      async handler(call) {
        await people.reset(call.body, call.requestId);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email/confirm',
      summary: 'Move an account to the address that the token of this link was mailed to.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: linkBody,
      responses: { 204: null },
      async handler(call) {
        await people.confirmEmail(call.body.token, call.requestId);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/admin-link',
      summary: 'Become owner of an organisation and operator of the installation with the one-time link of its server.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: adminLinkBody,
      responses: { 200: verified },
      async handler(call) {
        const { personId } = await people.acceptAdminLink(call.body, call.requestId);
        return { status: 200, body: { status: 'verified', personId } };
      },
    }),
  ];
}

function changeRoutes(people: PeopleUseCases): readonly RouteDefinition[] {
  return [
    route({
      method: 'PUT',
      path: '/v1/me/password',
      summary: 'Set another password; all other sessions end.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      body: passwordBody,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await people.changePassword(tx, selfOf(call), call.body.password);
          return DONE;
        }),
    }),
    route({
      method: 'PUT',
      path: '/v1/me/email',
      summary: 'Move your account to another address, once the link that is mailed there was used.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      body: changeEmailBody,
      responses: { 202: mailSent },
      handler: (call) =>
        call.mutate(async (tx) => {
          await people.changeEmail(tx, selfOf(call), call.body.email);
          return SENT;
        }),
    }),
  ];
}

function standingRoute(people: PeopleUseCases): RouteDefinition {
  return route({
    method: 'PUT',
    path: '/v1/operator/people/{id}',
    summary: 'Disable a person or lift it, make them an operator or take that back; what is left out stays.',
    tag: 'Operator',
    scope: 'operator',
    stepUp: true,
    params: personParams,
    body: updatePersonBody,
    responses: { 200: personStanding },
    async handler(call) {
      assertLive(call.principal);
      return call.mutate(async (tx) => {
        const person = await people.setStanding(tx, call, { ...call.body, personId: call.params.id });
        const { id, isOperator, disabledAt } = person;
        return { status: 200, body: { id, isOperator, isDisabled: disabledAt !== undefined } };
      });
    },
  });
}

function meRoutes(deps: PeopleDeps): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/me',
      summary: 'Show who is signed in, their organisations, and what they may do in the one that the request is for.',
      tag: TAG,
      scope: 'person',
      unverified: true,
      responses: { 200: me },
      async handler({ principal, read }) {
        const person = await read((tx) => getPerson(tx, principal.personId ?? ''));
        return { status: 200, body: await describeMe(deps, person, principal) };
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/me',
      summary: 'Change your name or the language of your mails; what is left out stays.',
      tag: TAG,
      scope: 'person',
      body: updateMeBody,
      responses: { 200: me },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { requestId, principal } = call;
          const { personId = '' } = principal;
          await setProfile(tx, personId, { name: call.body.name, locale: call.body.locale });
          await recordPerson(deps, tx, { personId, action: 'person.put', requestId });
          return { status: 200, body: await describeMe(deps, await getPerson(tx, personId), principal) };
        }),
    }),
  ];
}
