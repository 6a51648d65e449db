/** The HTTP routes of sign-up and of a person's own account. */
import { emailBody, linkBody, mailSent, me, signUpBody, updateMeBody, verified } from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { attemptOf } from '../sessions/attempt.ts';
import { describeMe, getPerson } from './account.ts';
import { type PeopleDeps, recordPerson } from './deps.ts';
import type { SignUp } from './sign-up.ts';
import { setProfile } from './store.ts';

const TAG = 'People';
const SENT = { status: 202, body: { status: 'mail-sent' } } as const;

export function peopleRoutes(deps: PeopleDeps, signUp: SignUp): readonly RouteDefinition[] {
  return [...signUpRoutes(signUp), ...meRoutes(deps)];
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
      body: linkBody,
      responses: { 200: verified },
      async handler(call) {
        const { personId } = await signUp.verify(call.body.token, call.requestId);
        return { status: 200, body: { status: 'verified', personId } };
      },
    }),
  ];
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
