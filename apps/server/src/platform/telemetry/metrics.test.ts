import { afterEach, describe, expect, test } from 'vitest';
import { createMetrics, type Metrics } from './index.ts';

const open: Metrics[] = [];
const make = (): Metrics => {
  const metrics = createMetrics();
  open.push(metrics);
  return metrics;
};
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

describe('the metrics page', () => {
  test('shows what happened under the known names', async () => {
    const metrics = make();
    metrics.httpRequest({ method: 'GET', route: '/v1/runs/{id}', status: 200 }, 0.004);
    metrics.apiError('run.not-found');
    metrics.runStarted(0.02);
    metrics.runEnded({ agent: 'data-processor', status: 'succeeded' }, 1.5);
    metrics.webhookDelivery('delivered');
    metrics.watch({
      queueDepth: () => 7,
      outboxAgeSeconds: async () => 1.25,
      databaseConnectionsActive: () => 3,
      ledgerHoldsOpen: () => 2,
    });
    const { contentType, body } = await metrics.scrape();
    expect(contentType).toContain('text/plain');
    for (const line of [
      'http_requests_total{method="GET",route="/v1/runs/{id}",status="200"} 1',
      'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/v1/runs/{id}"} 1',
      'api_errors_total{code="run.not-found"} 1',
      'runs_total{agent="data-processor",status="succeeded"} 1',
      'run_duration_seconds_count{agent="data-processor"} 1',
      'run_start_latency_seconds_count 1',
      'webhook_deliveries_total{outcome="delivered"} 1',
      'queue_depth 7',
      'outbox_age_seconds 1.25',
      'database_connections_active 3',
      'ledger_holds_open 2',
    ])
      expect(body.split('\n')).toContain(line);
    expect(body).toMatch(/^process_resident_memory_bytes \d/m);
    expect(body).toMatch(/^event_loop_stall_seconds \d/m);
  });

  test('comes without the metrics whose source fails, and has them again when the source recovers', async () => {
    const metrics = make();
    let down = false;
    metrics.watch({
      queueDepth: () => {
        if (down) throw new Error('database is down');
        return 5;
      },
      ledgerHoldsOpen: () => 1,
    });
    expect((await metrics.scrape()).body).toMatch(/^queue_depth 5$/m);
    down = true;
    const { body } = await metrics.scrape();
    expect(body).not.toMatch(/^queue_depth \d/m);
    expect(body).toMatch(/^ledger_holds_open 1$/m);
    down = false;
    expect((await metrics.scrape()).body).toMatch(/^queue_depth 5$/m);
  });

  test('does not grow with the values that arrive as labels', async () => {
    const metrics = make();
    for (let i = 0; i < 5_000; i += 1) {
      metrics.httpRequest({ method: `M${i}`, route: `/${i}`, status: 200 }, 0.1);
      metrics.apiError(`code.${i}`);
      metrics.runEnded({ agent: `agent-${i}`, status: `s${i}` }, 1);
      metrics.webhookDelivery(`o${i}`);
    }
    const { body } = await metrics.scrape();
    expect(body.split('\n').length).toBeLessThan(12_000);
    expect(body).toContain('http_requests_total{method="other",route="other",status="200"}');
    expect(body).toContain('api_errors_total{code="other"} 4700');
  });

  test('two processes in one, as in tests, do not share a registry', async () => {
    make().apiError('a.b');
    expect((await make().scrape()).body).not.toContain('a.b');
  });

  test('shows a stall of the event loop once, then forgets it', async () => {
    const metrics = make();
    // The watcher measures from tick to tick, so looks and stalls take turns with ticks between them.
    let turn = 0;
    const lookOrStall = async (): Promise<number> => {
      turn += 1;
      if (turn % 2 === 1) return stall(metrics);
      const until = performance.now() + 120;
      while (performance.now() < until);
      return 0;
    };
    await expect.poll(lookOrStall).toBeGreaterThan(0.08);
    expect(await stall(metrics)).toBeLessThan(0.08);
  });
});

async function stall(metrics: Metrics): Promise<number> {
  return Number(/^event_loop_stall_seconds (\S+)/m.exec((await metrics.scrape()).body)?.[1]);
}
