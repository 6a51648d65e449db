/** Log lines: one JSON object per line, with the fields of the request or run they belong to. */
import { type DestinationStream, destination as openDestination, pino } from 'pino';
import { type Clock, systemClock } from '../clock/index.ts';
import { plainMember, plainText } from './plain.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** `requestId`, `runId`, `orgId`, `traceId`, `error` are the usual ones. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Never throws and never blocks on a failing destination. Every text is cleaned of known shapes of secrets and of control characters;
 * still, log ids rather than contents.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** A logger whose every line carries these fields too. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel | 'silent';
  /** Standard output when left out. */
  readonly destination?: DestinationStream;
  readonly clock?: Clock;
  /** Takes out what must not be written, whatever it looks like; see `createScrubber`. */
  readonly scrub?: (line: string) => string;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'fatal'];
const RESERVED = new Set(['time', 'level', 'msg']);

function plainFields(fields: LogFields): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    // A field of a reserved name would put the same key twice into the line.
    const name = RESERVED.has(key) ? `${key}_` : plainText(key);
    try {
      shown[name] = plainMember(key, value, 0);
    } catch {
      // A getter or toJSON of the value threw: the line is worth more than the field.
      shown[name] = '[unreadable]';
    }
  }
  return shown;
}

function openStandardOutput(): DestinationStream {
  const stream = openDestination({ dest: 1, sync: true });
  // A closed pipe or a full disk must not end the process; the lines are lost.
  stream.on('error', () => {});
  return stream;
}

type Write = (level: LogLevel, message: string, fields: LogFields) => void;

function loggerOn(write: Write, bound: LogFields): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      write(level, message, { ...bound, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => loggerOn(write, { ...bound, ...fields }),
  };
}

/** Writes lines of `level` and above. */
export function createLogger(options: LoggerOptions): Logger {
  const clock = options.clock ?? systemClock;
  const destination = options.destination ?? openStandardOutput();
  const { scrub } = options;
  const sink = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${clock.now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    scrub ? { write: (line) => destination.write(scrub(line)) } : destination,
  );
  const lowest = options.level === 'silent' ? LEVELS.length : LEVELS.indexOf(options.level);
  return loggerOn((level, message, fields) => {
    if (LEVELS.indexOf(level) < lowest) return;
    try {
      sink[level](plainFields(fields), plainText(String(message)));
    } catch {
      // There is nowhere left to report to, and losing a line is better than losing the work it describes.
    }
  }, {});
}

/** Says nothing: for tests and for commands that print their own output. */
export const silentLogger: Logger = loggerOn(() => {}, {});
