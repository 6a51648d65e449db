/** The HTTP routes of known devices. */
import { deviceList, deviceParams } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { recordPerson } from '../people/deps.ts';
import { selfOf } from '../request.ts';
import type { IdentityDeps } from '../types.ts';
import { guardErrors } from './errors.ts';
import { endDevices, listDevices } from './store.ts';

const TAG = 'Devices';
const LISTED_MAX = 200;

export function deviceRoutes(deps: Pick<IdentityDeps, 'audit'>): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/me/devices',
      summary:
        'List the devices that you are known from, newest first: they stay open to you while others are guessing.',
      tag: TAG,
      scope: 'person',
      responses: { 200: deviceList },
      async handler({ read }) {
        const found = await read((tx) => listDevices(tx, LISTED_MAX));
        const data = found.map(({ id, userAgent, createdAt, seenAt }) => ({
          id,
          userAgent,
          createdAt: createdAt.toISOString(),
          lastUsedAt: seenAt.toISOString(),
        }));
        return { status: 200, body: { data } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/me/devices/{id}',
      summary: 'Forget a device: the next sign-in from it is one from a new device.',
      tag: TAG,
      scope: 'person',
      params: deviceParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { personId, requestId } = selfOf(call);
          if ((await endDevices(tx, call.params.id)) === 0) throw new GuildhallError(guardErrors.deviceNotFound);
          const data = { device: call.params.id };
          await recordPerson(deps, tx, { personId, action: 'device.forget', requestId, data });
          return { status: 204, body: {} };
        }),
    }),
  ];
}
