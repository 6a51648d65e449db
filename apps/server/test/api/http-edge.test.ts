/** What reaches no route, or not in the form a route takes, is answered like everything else here. */
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/platform/clock/index.ts';
import { createHttp, route } from '../../src/platform/http/index.ts';
import { createIds } from '../../src/platform/ids/index.ts';
import { silentLogger } from '../../src/platform/telemetry/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { asker } from './agents.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(asker) });
});
afterAll(() => platform.close());

/** Sends bytes as they are and gives back all that came until the server closed. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(Number(new URL(platform.url).port), '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });

const send = (path: string, init: RequestInit = {}) =>
  fetch(`${platform.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${platform.key}`, ...(init.headers as Record<string, string>) },
  });
const problemOf = async (response: Response) => {
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  return (await response.json()) as { code: string; detail: string; errors: { path: string; message: string }[] };
};

const HEADERS_HUGE = `x: ${'a'.repeat(20_000)}\r\n`;

describe('what is no HTTP, or no address', () => {
  it.each([
    ['noise', 'NOISE\r\n\r\n', 400, 'http.malformed-request'],
    ['a method nobody knows', 'BREW / HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'http.malformed-request'],
    [
      'a length that is no number',
      'POST /v1/keys HTTP/1.1\r\nhost: x\r\ncontent-length: a\r\n\r\n',
      400,
      'http.malformed-request',
    ],
    ['headers of 20 kB', `GET / HTTP/1.1\r\nhost: x\r\n${HEADERS_HUGE}\r\n`, 431, 'http.headers-too-large'],
    [
      'a broken escape',
      'GET /v1/runs/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      400,
      'http.malformed-request',
    ],
    [
      'an id without end',
      `GET /v1/runs/${'a'.repeat(200)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
      404,
      'http.not-found',
    ],
  ])('%s is answered with a problem and the security headers', async (_, text, status, code) => {
    const answer = await raw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`"code":"${code}"`);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toMatch(/x-content-type-options: nosniff/i);
    expect(answer).toMatch(/strict-transport-security: /i);
    expect(answer).toMatch(/"requestId":"req_/);
  });
});

describe('a key in an address', () => {
  const key = 'gld_live_0123456789';
  const escaped = (text: string): string => [...text].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
  it.each([
    ['in the query', `/v1/balance?key=${key}`],
    ['in the path', `/v1/runs/${key}`],
    ['where nothing is', `/nowhere/${key}`],
    ['in capitals', `/v1/runs/${key.toUpperCase()}`],
    ['escaped', `/v1/balance?key=${escaped(key)}`],
    ['escaped twice', `/v1/balance?key=${escaped(key).replaceAll('%', '%25')}`],
    ['beside a broken escape', `/v1/balance?a=%zz&key=${escaped(key)}`],
    ['in an address that cannot be read', `/v1/runs/%zz?key=${escaped(key)}`],
    ['on a public route', `/live?key=${key}`],
  ])('is refused %s, and not repeated', async (_, path) => {
    const response = await send(path);
    const body = await problemOf(response);
    expect([response.status, body.code]).toEqual([400, 'auth.key-in-url']);
    expect(JSON.stringify(body)).not.toContain('0123456789');
  });
});

describe('methods', () => {
  it.each(['OPTIONS', 'PATCH', 'DELETE', 'PROPFIND'])('%s names those that the address takes', async (method) => {
    const response = await send('/v1/runs', { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect((await problemOf(response)).code).toBe('http.method-not-allowed');
  });

  it('is 404 where no method would help', async () => {
    expect((await problemOf(await send('/v1/nothing', { method: 'PATCH' }))).code).toBe('http.not-found');
  });

  it('HEAD of the events of a living run does not wait for its end', async () => {
    const { body } = await platform.call('POST', '/v1/agents/asker/runs', { input: {} });
    const response = await send(`/v1/runs/${body.id}/events`, { method: 'HEAD', signal: AbortSignal.timeout(3_000) });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
  });
});

describe('bodies', () => {
  const json = { 'content-type': 'application/json' };
  const form = new FormData();
  form.set('file', new Blob(['a']), 'a.txt');

  it.each<[string, string, RequestInit]>([
    ['text', '/v1/keys', { body: 'x', headers: { 'content-type': 'text/plain' } }],
    ['XML', '/v1/keys', { body: '<a/>', headers: { 'content-type': 'application/xml' } }],
    ['nothing named', '/v1/keys', { body: new Uint8Array([123, 125]) }],
    ['a form where JSON is wanted', '/v1/keys', { body: form }],
    ['JSON where a form is wanted', '/v1/files', { body: '{}', headers: json }],
    ['a form without its boundary', '/v1/files', { body: 'x', headers: { 'content-type': 'multipart/form-data' } }],
  ])('%s as content type is 415', async (_, path, init) => {
    const response = await send(path, { method: 'POST', ...init });
    expect([response.status, (await problemOf(response)).code]).toEqual([415, 'http.unsupported-media-type']);
  });

  it('a content type without a body is no body', async () => {
    const response = await send('/v1/keys/key_0', { method: 'DELETE', headers: json });
    expect((await problemOf(response)).code).toBe('keys.not-found');
  });

  it('members are refused where a route takes none', async () => {
    const response = await send('/v1/runs/run_0/cancel', { method: 'POST', headers: json, body: '{"force":true}' });
    expect(response.status).toBe(422);
    expect((await problemOf(response)).errors).toEqual([{ path: '/force', message: 'is not known here' }]);
  });

  it.each([
    ['half of a surrogate pair', '{"input":{},"metadata":{"a":"\\ud800"}}', '/metadata/a'],
    ['a NUL character', '{"input":{"a":["x","\\u0000"]}}', '/input/a/1'],
    ['a name that cannot be stored', '{"input":{"\\ud800":1}}', '/input/\ufffd'],
    ['nesting without measure', `{"input":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, `/input${'/0'.repeat(99)}`],
  ])('%s is refused and pointed at, also under an Idempotency-Key', async (_, body, path) => {
    const response = await send('/v1/agents/asker/runs', {
      method: 'POST',
      headers: { ...json, 'idempotency-key': path.slice(0, 20).replace('\ufffd', '') },
      body,
    });
    expect(response.status).toBe(422);
    expect((await problemOf(response)).errors).toMatchObject([{ path }]);
  });

  it('an instant before all that can be stored is refused', async () => {
    const response = await send('/v1/runs?from=0000-01-01T00:00:00.000Z');
    expect([response.status, (await problemOf(response)).code]).toEqual([422, 'http.invalid-request']);
  });

  it('a body of a megabyte of small values is looked through without holding up others', async () => {
    const { assertSound } = await import('../../src/platform/http/shape.ts');
    const value = JSON.parse(`[${'["a"],'.repeat(170_000)}1]`) as unknown;
    // Of this thread alone and the best of three, so that a busy machine is no fault of the reader.
    const took = [1, 2, 3].map(() => {
      const before = process.threadCpuUsage();
      assertSound(value, 'body');
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1_000;
    });
    expect(Math.min(...took)).toBeLessThan(250);
  });
});

it('members that a route does not declare never leave, however deep', async () => {
  const app = await createHttp({
    db: platform.db,
    ids: createIds(systemClock),
    clock: systemClock,
    log: silentLogger,
    fileMaxBytes: 1,
    authenticate: async () => ({ orgId: platform.orgId, keyId: 'key_0', mode: 'live', scopes: [] }),
    limit: async () => ({ headers: {} }),
    observe: () => {},
    routes: [
      route({
        method: 'GET',
        path: '/shown',
        summary: 'Show',
        tag: 'Test',
        scope: 'public',
        responses: { 200: z.object({ id: z.string(), list: z.array(z.object({ name: z.string() })) }) },
        handler: async () => ({
          status: 200,
          body: { id: 'x', secretHash: 'hidden', list: [{ name: 'y', orgId: 'hidden' }] },
        }),
      }),
    ],
  });
  expect((await app.inject({ url: '/shown' })).json()).toEqual({ id: 'x', list: [{ name: 'y' }] });
  await app.close();
});
