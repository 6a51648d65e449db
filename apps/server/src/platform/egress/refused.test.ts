import { afterEach, expect, test, vi } from 'vitest';
import { systemClock as clock } from '../clock/index.ts';
import { createEgress } from './index.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a refused address leaves nothing behind that ends later, when nobody hears of it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const egress = createEgress({ allowPrivateCidrs: [], clock });
  for (const url of ['http://169.254.169.254/', 'http://127.0.0.1:5432/', 'https://example.com:22/'])
    await expect(egress.request(url)).rejects.toMatchObject({ spec: { code: 'egress.denied' } });
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  await egress.close();
});
