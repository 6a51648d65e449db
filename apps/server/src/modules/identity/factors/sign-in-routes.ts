/** The HTTP routes of showing a second factor, and of signing in with a passkey. */
import {
  challengeBody,
  challengeMethods,
  passkeyOptions,
  passkeySignInBody,
  secondFactorBody,
  signedIn,
} from '@guildhall/contract';
import type { z } from 'zod';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { LINK, SECOND_FACTOR, SIGN_IN, SIGN_IN_MAX_BYTES, STEP_UP } from '../rates.ts';
import { attemptOf, selfOf } from '../request.ts';
import { signInAnswer } from '../sessions/routes.ts';
import type { FactorSignIn, Methods } from './sign-in.ts';
import type { Proof } from './types.ts';

const TAG = 'Second factors';

function proofOf({ code, recoveryCode, passkey }: z.output<typeof secondFactorBody>): Proof {
  if (passkey) return { type: 'passkey', answer: passkey };
  return code === undefined ? { type: 'recovery-code', code: recoveryCode ?? '' } : { type: 'code', code };
}

const toWire = ({ challenge, methods, options }: Methods) => ({
  challenge,
  methods: [...methods],
  options: options && { ...options },
});

export function factorSignInRoutes(signIn: FactorSignIn): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/second-factor/options',
      summary:
        'Show what a challenge can be answered with: options for navigator.credentials.get where a passkey is among it.',
      tag: TAG,
      scope: 'public',
      limits: SECOND_FACTOR,
      body: challengeBody,
      responses: { 200: challengeMethods },
      handler: async (call) => ({
        status: 200,
        body: toWire(await signIn.methodsFor(call.body.challenge, attemptOf(call, ''))),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/second-factor',
      judgesLimits: true,
      bodyMaxBytes: SIGN_IN_MAX_BYTES,
      summary: 'Answer a challenge with a code, a recovery code or a passkey: the end of a sign-in or of a step-up.',
      tag: TAG,
      scope: 'public',
      limits: SECOND_FACTOR,
      body: secondFactorBody,
      responses: { 200: signedIn },
      async handler(call) {
        const begun = await signIn.answer(call.body.challenge, proofOf(call.body), attemptOf(call, ''));
        return signInAnswer(call.reply, { status: 'signed-in', begun });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/step-up/options',
      summary: 'Ask to step up with a second factor alone; POST /v1/auth/second-factor answers.',
      tag: TAG,
      scope: 'person',
      limits: STEP_UP,
      responses: { 200: challengeMethods },
      handler: async (call) => ({
        status: 200,
        body: toWire(await signIn.askStepUp(selfOf(call), attemptOf(call, ''))),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkey/options',
      summary: 'Begin to sign in with a passkey alone: options for navigator.credentials.get, good for five minutes.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      responses: { 200: passkeyOptions },
      handler: async (call) => ({
        status: 200,
        body: { options: { ...(await signIn.openOptions(attemptOf(call, ''))) } },
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkey',
      summary: 'Sign in with a passkey that asked for the PIN, finger or face of its owner: it is both factors.',
      tag: TAG,
      scope: 'public',
      limits: SIGN_IN,
      body: passkeySignInBody,
      responses: { 200: signedIn },
      async handler(call) {
        const begun = await signIn.signIn(call.body.passkey, attemptOf(call, ''));
        return signInAnswer(call.reply, { status: 'signed-in', begun });
      },
    }),
  ];
}
