/** Checks of the servers beside the platform: each is asked where its setting is given, and nothing is left there. */
import type { Settings } from '../../config/index.ts';
import { systemClock } from '../../platform/clock/index.ts';
import { createEgress, type Egress } from '../../platform/egress/index.ts';
import { createRedisRateStore } from '../../platform/limits/index.ts';
import { createMail } from '../../platform/mail/index.ts';
import type { Check } from './check.ts';

const ASK_MS = 5_000;

interface Server {
  readonly name: string;
  readonly setting: string;
  /** Says what was found; throws when the server cannot be used. */
  ask(): Promise<string>;
}

/** One check for each server that is set, all asked at once. */
export async function serverChecks(settings: Settings): Promise<readonly Check[]> {
  const egress = createEgress({
    allowPrivateCidrs: settings.egressAllowPrivate.map(({ cidr }) => cidr),
    proxyUrl: settings.egressProxyUrl,
    clock: systemClock,
  });
  try {
    return await Promise.all(serversOf(settings, egress).map(check));
  } finally {
    await egress.close();
  }
}

async function check({ name, setting, ask }: Server): Promise<Check> {
  try {
    return { name, level: 'pass', detail: await ask() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const detail = cause instanceof Error ? cause.message || 'it does not answer' : String(cause);
    return { name, level: 'fail', detail, advice: `Is ${setting} right, and does that server run?` };
  }
}

function serversOf(settings: Settings, egress: Egress): readonly Server[] {
  const { redisUrl, smtpUrl, sentryDsn, otlpEndpoint } = settings;
  const servers: Server[] = [];
  if (redisUrl)
    servers.push({
      name: 'redis',
      setting: 'REDIS_URL',
      ask: async () => {
        const store = await createRedisRateStore(redisUrl);
        try {
          await store.ping();
          return 'answers';
        } finally {
          store.close();
        }
      },
    });
  if (smtpUrl)
    servers.push({
      name: 'mail',
      setting: 'SMTP_URL',
      ask: async () => {
        const mail = await createMail({ smtpUrl, from: settings.mailFrom, directory: '', clock: systemClock });
        try {
          return await mail.verify();
        } finally {
          mail.close();
        }
      },
    });
  if (otlpEndpoint !== undefined)
    servers.push({
      name: 'traces',
      setting: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      ask: () => askCollector(egress, `${otlpEndpoint}/v1/traces`),
    });
  if (sentryDsn)
    servers.push({
      name: 'error tracker',
      setting: 'SENTRY_DSN',
      // Whether it would take a report is known only by sending one; that it answers is known by asking anything.
      ask: async () => `answers with ${await statusOf(egress, new URL(sentryDsn.reveal()).origin)}`,
    });
  return servers;
}

async function askCollector(egress: Egress, url: string): Promise<string> {
  const body = JSON.stringify({ resourceSpans: [] });
  const status = await statusOf(egress, url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (status >= 300) throw new Error(`answers with ${status} instead of taking traces`);
  return 'takes traces';
}

async function statusOf(egress: Egress, url: string, request: Parameters<Egress['request']>[1] = {}): Promise<number> {
  const answer = await egress.request(url, { ...request, trustedOrigin: new URL(url).origin, totalMs: ASK_MS });
  answer.body.destroy();
  return answer.status;
}
