/** A logger around another one: its lines also say which trace they belong to, and its errors reach the error tracker. */
import type { LogFields, Logger, LogLevel } from './logger.ts';

export interface LogObservers {
  /** Fields of the work that writes the line. */
  readonly fields: () => LogFields;
  /** Told of each line of level error or fatal, after it was written. Must not throw. */
  readonly onFault: (level: 'error' | 'fatal', message: string, fields: LogFields) => void;
}

export function observeLog(inner: Logger, observers: LogObservers): Logger {
  return layer(inner, observers, {});
}

/** `bound` repeats what `inner` carries, so that a report says it too. */
function layer(inner: Logger, observers: LogObservers, bound: LogFields): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, own: LogFields = {}): void => {
      const fields = { ...observers.fields(), ...own };
      inner[level](message, fields);
      if (level === 'error' || level === 'fatal') observers.onFault(level, message, { ...bound, ...fields });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => layer(inner.child(fields), observers, { ...bound, ...fields }),
  };
}
