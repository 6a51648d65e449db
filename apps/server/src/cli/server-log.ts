/** Where log lines go: to standard error as JSON, or, when a person looks at the terminal, into a file. */
import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Settings } from '../config/index.ts';
import { createLogger, createScrubber, type Logger } from '../platform/telemetry/index.ts';
import type { Terminal } from './context.ts';
import { plain } from './text.ts';

// Some hundred thousand lines; the file before it is kept, so the log never takes more than twice this.
const FILE_MAX_BYTES = 20 * 1024 * 1024;
const LOUD = new Set(['warn', 'error', 'fatal']);

interface Sink {
  write(line: string): void;
}

/** Appends lines, and begins a new file when one is full. A disk that is full loses lines, not work. */
export function fileSink(file: string, maxBytes = FILE_MAX_BYTES): Sink {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const open = () => openSync(file, 'a', 0o600);
  let descriptor = open();
  let bytes = statSync(file).size;
  return {
    write: (line) => {
      if (bytes >= maxBytes) {
        closeSync(descriptor);
        renameSync(file, `${file}.1`);
        descriptor = open();
        bytes = 0;
      }
      bytes += writeSync(descriptor, line);
    },
  };
}

/** The level and message of a line of ours, for a screen; undefined for what a person need not see at once. */
export function loudLine(line: string): string | undefined {
  // Written by our own logger, one JSON object a line.
  const fields = JSON.parse(line) as { level?: string; msg?: string; error?: { message?: string } };
  if (!LOUD.has(fields.level ?? '')) return undefined;
  const cause = fields.error?.message === undefined ? '' : `: ${plain(fields.error.message, 300)}`;
  return `${fields.level}: ${plain(fields.msg ?? '', 300)}${cause}\n`;
}

export function openLog(
  settings: Settings,
  terminal: Terminal,
): { readonly log: Logger; readonly file: string | undefined } {
  const shared = { level: settings.logLevel, scrub: createScrubber(settings.secrets.values) };
  if (!terminal.isTty.output)
    return { log: createLogger({ ...shared, destination: { write: terminal.note } }), file: undefined };
  const file = path.join(settings.dataDir, 'guildhall.log');
  const sink = fileSink(file);
  const write = (line: string): void => {
    sink.write(line);
    const loud = loudLine(line);
    if (loud !== undefined) terminal.note(loud);
  };
  return { log: createLogger({ ...shared, destination: { write } }), file };
}
