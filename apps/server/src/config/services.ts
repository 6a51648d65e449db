/** Settings of servers beside the platform: shared rates, mail, traces, errors. All are the operator's own, so all may be private. */

import { z } from 'zod';
import type { Secret } from '../platform/crypto/index.ts';
import { baseUrl, mailAddress, mailSender, type SettingDoc, secretUrl } from './schemas.ts';

const FROM = 'Guildhall <guildhall@localhost>';
const ENVIRONMENT = /^[A-Za-z0-9._-]{1,64}$/;

/** `https://KEY@host/PROJECT`, as the tracker shows it. */
const dsn = secretUrl('https:', 'http:').refine((value) => {
  const url = new URL(value.reveal());
  return url.username !== '' && /\/\d+$/.test(url.pathname);
}, 'must name a key before the host and a project number at its end');

export const SERVICE_SETTINGS = [
  {
    name: 'REDIS_URL',
    fallback: 'rates are counted in PostgreSQL',
    bounds: 'redis:// or rediss:// URL; may be private',
    effect:
      'Counts rate limits in that Redis or Valkey instead. Nothing else is kept there; while it is away each process counts for itself.',
    schema: secretUrl('redis:', 'rediss:').optional(),
    secret: 'password',
  },
  {
    name: 'SMTP_URL',
    fallback: 'mails are kept in the data folder, unsent',
    bounds: 'smtp:// or smtps:// URL with user and password; may be private',
    effect:
      'Sends mail through that server. smtp:// changes to TLS where the server offers it; smtps:// begins with TLS.',
    schema: secretUrl('smtp:', 'smtps:').optional(),
    secret: 'password',
  },
  {
    name: 'MAIL_FROM',
    fallback: FROM,
    bounds: 'a mail address, or a name with the address in angle brackets',
    effect: 'The sender of every mail. Most servers refuse senders that are not theirs.',
    schema: mailSender.default(FROM),
  },
  {
    name: 'OPERATOR_EMAIL',
    fallback: 'the operator gets no mail',
    bounds: 'one mail address',
    effect:
      'Gets a mail when something needs the operator, such as a webhook endpoint disabled after days of failures or a budget that is running out.',
    schema: mailAddress.optional(),
  },
  {
    name: 'SENTRY_DSN',
    fallback: 'faults are only logged',
    bounds: 'http(s) URL with key and project; may be private',
    effect: 'Reports faults, each once and without secrets, to that Sentry or a tracker that speaks its language.',
    schema: dsn.optional(),
    secret: 'token',
  },
  {
    name: 'SENTRY_ENVIRONMENT',
    fallback: 'production',
    bounds: '1–64 of letters, digits, . _ -',
    effect: 'The environment that reports to SENTRY_DSN name.',
    schema: z.string().regex(ENVIRONMENT, 'must be a short name').default('production'),
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    fallback: 'no traces',
    bounds: 'http(s) URL of a collector, without /v1/traces; may be private',
    effect: 'Sends traces of requests, runs and steps there by OTLP over HTTP.',
    schema: baseUrl.optional(),
  },
] as const satisfies readonly SettingDoc[];

export interface ServiceSettings {
  readonly redisUrl: Secret | undefined;
  readonly smtpUrl: Secret | undefined;
  readonly mailFrom: string;
  readonly operatorEmail: string | undefined;
  readonly sentryDsn: Secret | undefined;
  readonly sentryEnvironment: string;
  /** Without a slash at its end; `/v1/traces` is appended. */
  readonly otlpEndpoint: string | undefined;
}

/** From values that the schemas above have parsed. */
export function servicesFrom(read: <T>(name: (typeof SERVICE_SETTINGS)[number]['name']) => T): ServiceSettings {
  return {
    redisUrl: read<Secret | undefined>('REDIS_URL'),
    smtpUrl: read<Secret | undefined>('SMTP_URL'),
    mailFrom: read<string>('MAIL_FROM'),
    operatorEmail: read<string | undefined>('OPERATOR_EMAIL'),
    sentryDsn: read<Secret | undefined>('SENTRY_DSN'),
    sentryEnvironment: read<string>('SENTRY_ENVIRONMENT'),
    otlpEndpoint: read<string | undefined>('OTEL_EXPORTER_OTLP_ENDPOINT'),
  };
}
