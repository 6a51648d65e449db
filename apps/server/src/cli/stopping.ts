/** When the server is to stop: by signal, by fault, or at once. */
import type { Clock } from '../platform/clock/index.ts';
import type { Logger } from '../platform/telemetry/index.ts';
import { EXIT } from './exit-codes.ts';

// npm passes on a Ctrl-C that the terminal has already sent to us: the two arrive within milliseconds and are one.
const SAME_PRESS_MS = 500;

export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'fault';

export interface Signals {
  /** Resolves with the first reason to stop. */
  readonly stopped: Promise<StopReason>;
  release(): void;
}

export interface SignalDeps {
  /** Asked for when there is something to say: a server that runs has a log of its own, whose errors are reported. */
  readonly log: () => Logger;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly note: (text: string) => void;
  readonly exit?: (code: number) => void;
}

/** The first signal asks for an orderly stop, a second one ends the process at once; the database recovers by itself. */
export function watchSignals({ log, clock, note, exit = (code) => process.exit(code) }: SignalDeps): Signals {
  let firstMs: number | undefined;
  const { promise, resolve } = Promise.withResolvers<StopReason>();
  const stop = (reason: StopReason): void => {
    if (firstMs === undefined) {
      firstMs = clock.monotonicMs();
      if (reason === 'SIGINT') note('\nStopping … (Ctrl-C again: at once)\n');
      resolve(reason);
    } else if (reason !== 'fault' && clock.monotonicMs() - firstMs > SAME_PRESS_MS) {
      exit(EXIT.interrupted);
    }
  };
  const onSignal = (signal: NodeJS.Signals): void => stop(signal as StopReason);
  const onRejection = (error: unknown): void => log().error('a promise failed that nobody waited for', { error });
  const onException = (error: unknown): void => {
    log().fatal('an error that nobody caught; stopping', { error });
    stop('fault');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return {
    stopped: promise,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal);
      process.off('unhandledRejection', onRejection);
      process.off('uncaughtException', onException);
    },
  };
}
