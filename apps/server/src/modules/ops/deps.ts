/** What operations need from the rest. */
import type { Clock } from '../../platform/clock/index.ts';
import type { Secret } from '../../platform/crypto/index.ts';
import type { KeptMail } from '../../platform/mail/index.ts';
import type { Metrics } from '../../platform/telemetry/index.ts';
import type { Check } from './health.ts';

export interface OpsDeps {
  readonly version: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** One or several, comma-separated; each is accepted. */
  readonly metricsToken: Secret | undefined;
  /** What readiness depends on, by name; each answers with a word for people or throws. */
  readonly checks: Readonly<Record<string, Check>>;
  /** What needs the operator although everything works; without names, since anyone may ask. */
  warnings(): Promise<readonly string[]>;
  /** Newest first; undefined where mails are sent, and in production. */
  readonly keptMails: (() => Promise<readonly KeptMail[]>) | undefined;
  publicUrl(): string;
  openApi(): unknown;
  agents(): readonly { readonly id: string; readonly title: string; readonly summary: string }[];
}
