/** Checks of the servers beside the platform: each is asked where its setting is given, and nothing is left there. */
import type { Settings } from '../../config/index.ts';
import { systemClock } from '../../platform/clock/index.ts';
import { createEgress, type Egress } from '../../platform/egress/index.ts';
import { reasonOf, serversToAsk } from '../../probes.ts';
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
    return { name, level: 'fail', detail: reasonOf(error), advice: `Is ${setting} right, and does that server run?` };
  }
}

const NAMES = [
  ['bucket', 'S3_URL'],
  ['redis', 'REDIS_URL'],
  ['mail', 'SMTP_URL'],
  ['error tracker', 'SENTRY_DSN'],
  ['egress proxy', 'EGRESS_PROXY_URL'],
] as const;

function serversOf(settings: Settings, egress: Egress): readonly Server[] {
  const asks = serversToAsk(settings, egress);
  const servers = NAMES.flatMap(([name, setting]): Server[] => {
    const url = settings.secrets.settings.find((one) => one.name === setting)?.value;
    return url ? [{ name, setting, ask: () => asks[setting](url) }] : [];
  });
  const { otlpEndpoint } = settings;
  if (otlpEndpoint === undefined) return servers;
  const ask = () => askCollector(egress, `${otlpEndpoint}/v1/traces`);
  return [...servers, { name: 'traces', setting: 'OTEL_EXPORTER_OTLP_ENDPOINT', ask }];
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
