/** SEC-07: canaries in every place of what is written down; none of them arrives in logs, reports of faults or traces. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LiveSecrets, loadSettings, SETTINGS } from '../../config/index.ts';
import { systemClock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { createEgress, type Egress } from '../egress/index.ts';
import { createErrorTracker, createLogger, createScrubber, createTracer, observeLog } from './index.ts';
import { type HttpSink, startHttpSink } from './test-support/http-sink.ts';

interface Canary {
  readonly name: string;
  readonly value: string;
  readonly hidden: string;
  /** Known by its value; otherwise its shape gives it away. */
  readonly isKnown: boolean;
}

let counter = 0;
/** Without any shape, so that its value alone gives it away; with all that JSON, URLs and patterns of text may stumble over. */
const shapeless = (): string => {
  counter += 1;
  return `zq${counter}$&Canary.of+${randomBytes(4).toString('hex')}`;
};
const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const pick = (length: number, from = ALNUM): string =>
  [...randomBytes(length)].map((byte) => from[byte % from.length]).join('');

/** A value of each setting that is a secret, with the part of it that must not be seen. */
const url = (before: string, after: string) => {
  const hidden = shapeless().replace('$&', 'S');
  return { value: `${before}${encodeURIComponent(hidden)}${after}`, hidden };
};
const plain = () => {
  const hidden = shapeless();
  return { value: hidden, hidden };
};
const masterKey = () => {
  const hidden = randomBytes(32).toString('base64');
  return { value: hidden, hidden };
};
const ODD: Readonly<Record<string, () => { value: string; hidden: string }>> = {
  DATABASE_URL: () => url('postgres://owner:', '@db/g'),
  S3_URL: () => url('s3://id:', '@store/bucket'),
  REDIS_URL: () => url('rediss://u:', '@cache:6379'),
  SMTP_URL: () => url('smtps://u:', '@mail:465'),
  EGRESS_PROXY_URL: () => url('http://u:', '@proxy:3128'),
  SENTRY_DSN: () => {
    const hidden = pick(32, '0123456789abcdef');
    return { value: `https://${hidden}@sentry.example/42`, hidden };
  },
  GUILDHALL_MASTER_KEY: masterKey,
  GUILDHALL_MASTER_KEYS_PREVIOUS: masterKey,
  GUILDHALL_API_KEY: () => {
    const hidden = pick(30);
    return { value: ['gld', 'live', `${hidden}abcdef`].join('_'), hidden };
  },
};
const OF_SETTINGS = SETTINGS.filter((setting) => 'secret' in setting).map(({ name }) => ({
  name,
  ...(ODD[name] ?? plain)(),
}));
const settings = loadSettings(Object.fromEntries(OF_SETTINGS.map(({ name, value }) => [name, value])));

// Joined at run time, so that no scanner finds a secret in this file.
const shaped = (name: string, before: string, hidden: string, after = '') => ({
  name,
  value: `${before}${hidden}${after}`,
  hidden,
});
const OF_SHAPES = [
  shaped('a live key', `gld_${'live'}_`, pick(30), 'abcdef'),
  shaped('a test key', `gld_${'test'}_`, pick(30), 'abcdef'),
  shaped('a secret of webhooks', 'whsec_', pick(32)),
  shaped('a key of OpenAI', `sk-${'proj'}-`, pick(48)),
  shaped('a key of Anthropic', `sk-${'ant'}-api03-`, pick(80)),
  shaped('a key of OpenRouter', `sk-${'or'}-v1-`, pick(64)),
  shaped('a key of Stripe', `sk_${'live'}_`, pick(24)),
  shaped('a restricted key of Stripe', `rk_${'live'}_`, pick(24)),
  shaped('a key of Google', 'AIza', pick(35)),
  shaped('a key of Groq', 'gsk_', pick(48)),
  shaped('a key of xAI', 'xai-', pick(48)),
  shaped('a key of AWS', 'AKIA', pick(16, 'ABCDEFGHIJKLMNOP')),
  shaped('a temporary key of AWS', 'ASIA', pick(16, 'ABCDEFGHIJKLMNOP')),
  shaped('a token of GitHub', 'ghp_', pick(36)),
  shaped('a token of GitLab', 'glpat-', pick(20)),
  shaped('a token of npm', 'npm_', pick(36)),
  shaped('a token of Slack', 'xoxb-', pick(40)),
  shaped('a token of Vault', 'hvs.', pick(24)),
  shaped('a header of Vault', 'X-Vault-Token: ', pick(24)),
  shaped('a bearer header', 'Authorization: Bearer ', pick(40)),
  shaped('a basic header', 'Authorization: Basic ', randomBytes(24).toString('base64url')),
  shaped('a signed token', 'eyJhbGciOiJFZERTQSJ9.', `${pick(60)}.${pick(60)}`),
  shaped('a password of a database', 'postgres://app:', pick(24), '@db.internal:5432/x'),
  shaped('a password in libpq words', 'host=db password=', pick(24), ' user=app'),
  shaped('a signature of a link', 'https://g.example/f?token=', pick(40), '&x=1'),
  shaped('a member of JSON', '{"client_secret":"', pick(24), '"}'),
  shaped('a private key', '-----BEGIN PRIVATE KEY-----\n', pick(64), '\n-----END PRIVATE KEY-----'),
];

// Made at the start of a process, before the rest is known.
const scrub = createScrubber(settings.secrets.values);

// Known only while the process lives: keys from files, derived passwords, what was renewed.
const learned = [shapeless(), randomBytes(32).toString('base64'), `postgres://guildhall_app:${pick(43)}@127.0.0.1/g`];
settings.secrets.learn(...learned);
const renewed = OF_SETTINGS.filter(({ name }) => name.startsWith('VAULT_') || name.startsWith('AWS_')).map(
  ({ name }) => {
    const secret = settings.secrets.settings.find((one) => one.name === name);
    if (!secret) throw new Error(`${name} is not set`);
    const hidden = shapeless();
    settings.secrets.renew(secret, hidden);
    return { name: `${name}, renewed`, value: hidden, hidden };
  },
);
const CANARIES: readonly Canary[] = [
  ...OF_SETTINGS.map((one) => ({ ...one, isKnown: true })),
  ...OF_SHAPES.map((one) => ({ ...one, isKnown: false })),
  ...learned.map((value) => ({ name: 'learned', value, hidden: value, isKnown: true })),
  ...renewed.map((one) => ({ ...one, isKnown: true })),
];

let sink: HttpSink;
let egress: Egress;
beforeAll(async () => {
  sink = await startHttpSink();
  egress = createEgress({ allowPrivateCidrs: [], clock: systemClock });
});
afterAll(async () => {
  await egress.close();
  await sink.close();
});

/** Everywhere a value may stand in what a program says of itself. */
function carriers({ value, isKnown }: Canary): Record<string, unknown> {
  const error = new Error(`failed with ${value}`, { cause: new TypeError(value) });
  return {
    text: value,
    inside: `before ${value} after`,
    list: [value, [value]],
    deep: { a: { b: { c: value } } },
    json: JSON.stringify({ body: value }),
    map: new Map([[value, new Set([value])]]),
    [value]: 'as a name',
    error: Object.assign(error, {
      detail: value,
      // Percent signs hide a shape, not a value.
      config: { url: `https://x.example/?q=${isKnown ? encodeURIComponent(value) : ''}` },
    }),
  };
}

const isSeen = (written: string, { hidden }: { hidden: string }): boolean =>
  [hidden, encodeURIComponent(hidden), JSON.stringify(hidden).slice(1, -1)].some((form) => written.includes(form));

test('there are at least forty canaries, one for each setting that is a secret among them', () => {
  expect(CANARIES.length).toBeGreaterThanOrEqual(40);
  expect(OF_SETTINGS.length).toBeGreaterThanOrEqual(15);
  expect(settings.secrets).toBeInstanceOf(LiveSecrets);
});

describe.each(CANARIES)('$name', (canary) => {
  test('does not arrive in a log', () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'debug', scrub, destination: { write: (line) => void lines.push(line) } });
    log.info(canary.value);
    log.child({ bound: canary.value }).error(`it was ${canary.value}`, carriers(canary));
    const written = lines.join('');
    expect(written.length).toBeGreaterThan(100);
    expect(isSeen(written, canary)).toBe(false);
  });

  test('does not arrive in a report of a fault', async () => {
    const before = sink.posted.length;
    const tracker = createErrorTracker({
      dsn: new Secret(`http://publickey@127.0.0.1:${sink.port}/tracker/42`),
      environment: 'test',
      version: '1',
      clock: systemClock,
      egress,
      scrub,
      onLost: () => {},
    });
    const log = observeLog(createLogger({ level: 'silent' }), {
      fields: () => ({}),
      onFault: (_level, message, { error, ...fields }) => tracker.report(error ?? new Error(message), fields),
    });
    log.error(`it was ${canary.value}`, carriers(canary));
    log.error(`again ${canary.value}`);
    await tracker.close();
    const written = sink.posted.slice(before).map(({ body }) => body);
    expect(written).toHaveLength(2);
    expect(isSeen(written.join(''), canary)).toBe(false);
  });

  test('does not arrive in a trace', async () => {
    const before = sink.posted.length;
    const tracer = await createTracer({
      endpoint: `http://127.0.0.1:${sink.port}`,
      version: '1',
      scrub,
      onLost: () => {},
    });
    const failing = tracer.span(
      `a span of ${canary.value}`,
      { text: canary.value, json: JSON.stringify({ body: canary.value }) },
      async (span) => {
        span.set({ late: `before ${canary.value} after` });
        throw new Error(`failed with ${canary.value}`);
      },
    );
    await expect(failing).rejects.toThrow('failed');
    await tracer.close();
    const written = sink.posted
      .slice(before)
      .map(({ body }) => body)
      .join('');
    expect(written).toContain('a span of');
    expect(isSeen(written, canary)).toBe(false);
  });
});
