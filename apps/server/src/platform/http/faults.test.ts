/** What a client hears when something breaks on our side: that it did, and by which id the operator finds it. */
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GuildhallError } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { httpErrors } from './errors.ts';
import { route } from './index.ts';
import { bareHttp } from './test-support/bare.ts';

const SECRET = 'postgres://app:secret@10.0.0.5/guildhall';
const FAULTS: Readonly<Record<string, () => unknown>> = {
  error: () => new TypeError(`cannot read ${SECRET}`),
  database: () => Object.assign(new Error(`duplicate key ${SECRET}`), { code: '23505', detail: SECRET, table: SECRET }),
  nested: () => new Error(SECRET, { cause: new Error(SECRET) }),
  text: () => SECRET,
  nothing: () => undefined,
  object: () => ({ statusCode: 418, message: SECRET, headers: { 'x-secret': SECRET } }),
  ours: () => new GuildhallError(httpErrors.internal, { internal: SECRET, cause: new Error(SECRET) }),
};

let logged = '';
const write = (message: string, fields: object = {}): void => {
  const { error, err } = fields as { error?: unknown; err?: unknown };
  logged += `${message} ${String(error ?? err)} ${JSON.stringify(fields)}\n`;
};
const log: Logger = { debug: write, info: write, warn: write, error: write, fatal: write, child: () => log };
let app: FastifyInstance;
beforeAll(async () => {
  const routes = Object.entries(FAULTS).map(([name, fault]) =>
    route({
      method: 'GET',
      path: `/v1/${name}`,
      summary: 'Break',
      tag: 'Test',
      scope: 'public',
      responses: { 200: null },
      handler: () => Promise.reject(fault()),
    }),
  );
  app = await bareHttp(routes, { log });
});
afterAll(() => app.close());

describe('a fault on our side', () => {
  test.each(Object.keys(FAULTS))('that is %s is answered as any other, without a word of the inside', async (name) => {
    logged = '';
    const { statusCode, body, headers } = await app.inject({ url: `/v1/${name}` });
    const answer = JSON.parse(body);
    expect([statusCode, answer.code]).toEqual([500, 'http.internal']);
    expect(answer).toEqual({
      type: '/docs/reference/errors#http.internal',
      title: 'Something failed on our side.',
      status: 500,
      code: 'http.internal',
      detail: expect.stringMatching(/^Something failed on our side\. Send it again; [^/:]+$/),
      errors: [],
      requestId: headers['x-request-id'],
      charged: { nanos: '0', currency: 'USD' },
    });
    expect(body + JSON.stringify(headers)).not.toMatch(/secret|10\.0\.0\.5|node_modules|\.ts:|at .*\(/i);
    expect(logged).toContain(String(headers['x-request-id']));
    if (name !== 'nothing') expect(logged).toContain('10.0.0.5');
  });
});
