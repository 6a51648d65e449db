import { describe, expect, test } from 'vitest';
import { egressErrors } from '../../../platform/egress/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Channel } from '../types.ts';
import { brokenFailure, refusalFailure, retryAfterMs } from './outcome.ts';

const now = new Date('2026-11-21T10:00:00.500Z');
const operators: Channel = {
  id: 'prv_1',
  kind: 'openai',
  name: 'one',
  baseUrl: 'https://api.example.com/v1',
  weight: 1,
  priority: 0,
  regions: [],
  retainsData: false,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  concurrencyMax: undefined,
  ownerOrgId: undefined,
  isTrustedAddress: false,
  secret: async () => 'sk-x',
};
const own: Channel = { ...operators, ownerOrgId: 'org_1' };
const refused = (status: number, error: object, channel = operators, headers = {}) =>
  refusalFailure({ wire: 'chat', channel, status, headers, body: JSON.stringify({ error }), now });

describe('Retry-After', () => {
  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '1.5' }, 1_500],
    [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT' }, 29_500],
    [{ 'retry-after': 'Sat, 21 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': '999999999' }, 86_400_000],
    [{ 'retry-after': '2', 'retry-after-ms': '250' }, 250],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '2027' }, 2_027_000],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ])('%j is %s ms', (headers, ms) => {
    expect(retryAfterMs(headers, now)).toBe(ms);
  });
});

describe('a refusal', () => {
  test.each([
    [400, { message: 'bad' }, 'provider-refused', 'nobody', 'nobody'],
    [422, { message: 'bad' }, 'provider-refused', 'nobody', 'nobody'],
    [413, { message: 'big' }, 'provider-too-large', 'nobody', 'nobody'],
    [400, { code: 'context_length_exceeded', message: 'x' }, 'provider-too-large', 'nobody', 'nobody'],
    [401, { code: 'invalid_api_key', message: 'x' }, 'provider-key-refused', 'elsewhere', 'account'],
    [403, { code: 'unsupported_country', message: 'x' }, 'provider-refused', 'elsewhere', 'nobody'],
    [404, { code: 'model_not_found', message: 'x' }, 'provider-model-missing', 'elsewhere', 'model'],
    [404, { message: 'page not found' }, 'provider-model-missing', 'elsewhere', 'model'],
    [405, { message: 'x' }, 'bad-answer', 'elsewhere', 'channel'],
    [301, { message: 'x' }, 'bad-answer', 'elsewhere', 'channel'],
    [402, { message: 'x' }, 'provider-spend-limit', 'funded', 'account'],
    [429, { code: 'insufficient_quota', message: 'x' }, 'provider-spend-limit', 'funded', 'account'],
    [429, { code: 'enforced_spend_limit_reached', message: 'x' }, 'provider-spend-limit', 'funded', 'account'],
    [429, { type: 'billing_error', message: 'x' }, 'provider-spend-limit', 'funded', 'account'],
    [429, { code: 'rate_limit_exceeded', message: 'x' }, 'provider-rate-limited', 'again', 'rate'],
    [408, { message: 'x' }, 'provider-unavailable', 'again', 'channel'],
    [409, { message: 'x' }, 'provider-unavailable', 'again', 'channel'],
    [500, { message: 'x' }, 'provider-unavailable', 'again', 'channel'],
    [502, { message: 'x' }, 'provider-unavailable', 'again', 'channel'],
    [503, { message: 'x' }, 'provider-unavailable', 'again', 'channel'],
    [504, { message: 'x' }, 'provider-unavailable', 'again', 'channel'],
    [529, { message: 'x' }, 'provider-unavailable', 'again', 'model'],
    [501, { message: 'x' }, 'provider-unavailable', 'elsewhere', 'channel'],
  ] as const)('%i %j', (status, error, code, next, blame) => {
    expect(refused(status, error)).toMatchObject({ spec: { code: `models.${code}` }, next, blame });
  });

  test("of an organisation's own key is its own matter, and closes no channel", () => {
    expect(refused(401, { code: 'invalid_api_key', message: 'x' }, own)).toMatchObject({
      spec: { code: 'models.own-key-refused', status: 403 },
      blame: 'nobody',
    });
    expect(refused(429, { code: 'insufficient_quota', message: 'x' }, own)).toMatchObject({
      spec: { code: 'models.own-key-spend-limit', status: 402 },
      blame: 'nobody',
    });
  });

  test('says in public what is wrong with the request, and nothing about keys and accounts', () => {
    expect(refused(400, { message: 'temperature must be at most 2' }).detail).toBe('temperature must be at most 2');
    expect(refused(401, { message: 'Incorrect API key provided: sk-abc***def' }).detail).toBeUndefined();
    expect(refused(429, { code: 'insufficient_quota', message: 'org-123 has no credit' }).detail).toBeUndefined();
    expect(refused(500, { message: 'at /srv/app/handler.py:12' }).detail).toBeUndefined();
  });

  test.each(['', '<html>502 Bad Gateway</html>', '[]', '{"error":null}', '"x"', '{'])(
    '%j is read by its status',
    (body) => {
      expect(refusalFailure({ wire: 'chat', channel: operators, status: 502, headers: {}, body, now })).toMatchObject({
        spec: { code: 'models.provider-unavailable' },
        next: 'again',
      });
    },
  );
});

describe('what the way there throws', () => {
  test.each([
    ['connectTimeout', 'models.provider-unavailable', 'again', 'channel'],
    ['unreachable', 'models.provider-unavailable', 'again', 'channel'],
    ['timeout', 'models.provider-timeout', 'again', 'channel'],
    ['badResponse', 'models.bad-answer', 'again', 'channel'],
    ['tooLarge', 'models.bad-answer', 'elsewhere', 'channel'],
    ['denied', 'egress.denied', 'elsewhere', 'unknown'],
  ] as const)('%s', (key, code, next, blame) => {
    expect(brokenFailure(new GuildhallError(egressErrors[key]))).toMatchObject({ spec: { code }, next, blame });
  });

  test("is unknown to a channel's health where it is not the provider's doing", () => {
    expect(brokenFailure(new Error('the vault is closed'))).toMatchObject({ next: 'elsewhere', blame: 'unknown' });
  });
});
