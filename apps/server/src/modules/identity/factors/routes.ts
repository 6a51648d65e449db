/** The HTTP routes of a person's own factors, and the rule of an organisation. */
import {
  confirmedFactor,
  confirmTotpBody,
  factorList,
  factorParams,
  newPasskeyBody,
  newTotp,
  newTotpBody,
  passkeyOptions,
  recoveryCodes,
} from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { attemptOf, selfOf } from '../request.ts';
import type { Confirmed, FactorService } from './service.ts';
import type { Factor } from './types.ts';

const TAG = 'Second factors';

const toWire = (factor: Factor) => ({
  id: factor.id,
  kind: factor.kind,
  name: factor.name,
  isConfirmed: factor.confirmedAt !== undefined,
  createdAt: factor.createdAt.toISOString(),
  lastUsedAt: factor.usedAt?.toISOString() ?? null,
});

/** Codes are shown this once. */
const confirmedAnswer = <Status extends number>(status: Status, { factor, recoveryCodes: codes }: Confirmed) => ({
  status,
  body: { factor: toWire(factor), recoveryCodes: codes ? [...codes] : null },
  once: ['recoveryCodes'],
});

export function factorRoutes(factors: FactorService): readonly RouteDefinition[] {
  return [...listRoutes(factors), ...totpRoutes(factors), ...passkeyRoutes(factors)];
}

function listRoutes(factors: FactorService): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/me/factors',
      summary: 'List your second factors, oldest first, and how many recovery codes are left.',
      tag: TAG,
      scope: 'person',
      responses: { 200: factorList },
      async handler(call) {
        const found = await call.read((tx) => factors.list(tx, selfOf(call).personId));
        const { recoveryCodesLeft } = found;
        return { status: 200, body: { data: found.factors.map(toWire), recoveryCodesLeft } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/me/factors/{id}',
      summary: 'Remove a second factor; with the last one go the recovery codes. You are told by mail.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      params: factorParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await factors.remove(tx, selfOf(call), call.params.id);
          return { status: 204, body: {} };
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/me/recovery-codes',
      summary:
        'Make ten new recovery codes in the place of all there were. Each works once in the place of a second factor.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      responses: { 201: recoveryCodes },
      handler: (call) =>
        call.mutate(async (tx) => {
          const codes = await factors.renewCodes(tx, selfOf(call));
          return { status: 201, body: { recoveryCodes: [...codes] }, once: ['recoveryCodes'] };
        }),
    }),
  ];
}

function totpRoutes(factors: FactorService): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/me/factors/totp',
      summary: 'Begin to set up an authenticator app: a secret, a link and a picture of it, which are shown this once.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      body: newTotpBody,
      responses: { 201: newTotp },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { factor, secret, uri, qrCode } = await factors.beginTotp(tx, selfOf(call), call.body.name);
          return { status: 201, body: { ...toWire(factor), secret, uri, qrCode }, once: ['secret', 'uri', 'qrCode'] };
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/me/factors/{id}/confirm',
      summary:
        'End the set-up with a code of the app. It takes the place of the app before it; the first factor brings ten recovery codes.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      params: factorParams,
      body: confirmTotpBody,
      responses: { 200: confirmedFactor },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { code } = call.body;
          return confirmedAnswer(200, await factors.confirmTotp(tx, selfOf(call), { id: call.params.id, code }));
        }),
    }),
  ];
}

function passkeyRoutes(factors: FactorService): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/me/factors/passkeys/options',
      summary: 'Begin to add a passkey: options for navigator.credentials.create, good for five minutes.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      responses: { 201: passkeyOptions },
      handler: (call) =>
        call.mutate(async (tx) => ({
          status: 201,
          body: { options: await factors.beginPasskey(tx, selfOf(call), attemptOf(call, '')) },
        })),
    }),
    route({
      method: 'POST',
      path: '/v1/me/factors/passkeys',
      summary: 'Add a passkey with what the browser made from the options. The first factor brings ten recovery codes.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      body: newPasskeyBody,
      responses: { 201: confirmedFactor },
      handler: (call) =>
        call.mutate(async (tx) => {
          const input = { ...call.body, source: attemptOf(call, '') };
          return confirmedAnswer(201, await factors.addPasskey(tx, selfOf(call), input));
        }),
    }),
  ];
}
