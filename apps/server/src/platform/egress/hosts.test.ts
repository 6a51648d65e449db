import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../clock/index.ts';
import { createDial } from './guard.ts';
import { createEgress, type Egress } from './index.ts';

const LISTS: Readonly<Record<string, readonly string[]>> = {
  org_none: [],
  org_some: ['api.example.com', '*.hooks.example', '127.0.0.1'],
};
const denied = { spec: { code: 'egress.denied' } };

let server: Server;
let egress: Egress;
let port: number;
let asked = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked += 1;
    const to = new URL(request.url ?? '/', 'http://x').searchParams.get('to');
    if (to === null) response.end('here');
    else response.writeHead(302, { location: to }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  const dial = createDial();
  egress = createEgress({
    allowPrivateCidrs: ['127.0.0.1/32'],
    clock,
    ports: [port],
    dns: async () => ['93.184.216.34'],
    dial: (to) => dial({ ...to, address: '127.0.0.1' }),
    hostsFor: async (orgId) => LISTS[orgId],
  });
});
afterAll(async () => {
  await egress.close();
  await new Promise((resolve) => server.close(resolve));
});

const ask = (host: string, orgId: string | undefined, path = '/', redirects = 0) =>
  egress.request(`http://${host}:${port}${path}`, { redirects, ...(orgId === undefined ? {} : { orgId }) });

describe('on behalf of an organisation that lists hosts', () => {
  test.each([
    'api.example.com',
    'API.example.com',
    'api.example.com.',
    'a.hooks.example',
    'a.b.hooks.example',
    '127.0.0.1',
  ])('%s is called', async (host) => {
    expect(await (await ask(host, 'org_some')).text()).toBe('here');
  });

  test.each([
    'example.com',
    'x.api.example.com',
    'api.example.com.evil.example',
    'evil-api.example.com',
    'hooks.example',
    'evilhooks.example',
    'a.hooks.example.evil.example',
  ])('%s is not', async (host) => {
    const before = asked;
    await expect(ask(host, 'org_some')).rejects.toMatchObject(denied);
    expect(asked).toBe(before);
  });

  test('nothing is called where the list is empty', async () => {
    await expect(ask('api.example.com', 'org_none')).rejects.toMatchObject(denied);
  });

  test('no redirect leads away from the list', async () => {
    const to = (host: string) => `/?to=${encodeURIComponent(`http://${host}:${port}/`)}`;
    expect((await ask('api.example.com', 'org_some', to('a.hooks.example'), 3)).status).toBe(200);
    await expect(ask('api.example.com', 'org_some', to('evil.example'), 3)).rejects.toMatchObject(denied);
  });
});

test('an organisation without a list, and calls on behalf of none, reach every public host', async () => {
  for (const orgId of ['org_open', undefined]) expect((await ask('anything.example.org', orgId)).status).toBe(200);
});
