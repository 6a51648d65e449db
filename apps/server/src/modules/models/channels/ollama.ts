/** An Ollama on this machine is used without being asked for; where there is none, nothing is said. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Egress } from '../../../platform/egress/index.ts';
import type { Channel } from '../types.ts';
import { operatorChannel } from './environment.ts';
import { isWorking, probe } from './probe.ts';

const LOOK_EVERY_MS = 60_000;
// It answers from this machine in a few milliseconds, or nobody listens there.
const LOOK_MS = 2_000;

export interface OllamaFinder {
  /** The one found by the last look. */
  found(): Channel | undefined;
  /** Looks once. */
  look(): Promise<void>;
  /** Looks now and every minute; waits for nothing. The result stops. */
  start(): () => void;
}

export interface OllamaDeps {
  readonly clock: Clock;
  readonly egress: Pick<Egress, 'request'>;
  readonly noted: (channelId: string, models: readonly string[]) => void;
  /** Where to look; Ollama's usual address on this machine when left out. */
  readonly baseUrl?: string;
}

export function createOllamaFinder({ clock, egress, noted, baseUrl }: OllamaDeps): OllamaFinder {
  const channel = operatorChannel({ kind: 'ollama', baseUrl, source: 'found' });
  let isThere = false;
  const look = async (): Promise<void> => {
    const check = await probe(egress, clock, {
      kind: 'ollama',
      baseUrl: channel.baseUrl,
      key: undefined,
      isTrustedAddress: true,
      totalMs: LOOK_MS,
    });
    isThere = isWorking(check);
    if (isThere) noted(channel.id, check.models);
  };
  return {
    found: () => (isThere ? channel : undefined),
    look,
    start() {
      // Whatever the other side does is an outcome of the probe; a fault of our own would show in its tests.
      const lookAgain = (): void => void look().catch(() => {});
      lookAgain();
      const timer = setInterval(lookAgain, LOOK_EVERY_MS).unref();
      return () => clearInterval(timer);
    },
  };
}
