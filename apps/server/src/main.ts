#!/usr/bin/env node
/** The program: its command line on this process. */
import { text } from 'node:stream/consumers';
import { runCli } from './cli/index.ts';
import { readSettings } from './config/index.ts';
import { systemClock } from './platform/clock/index.ts';
import { createIds } from './platform/ids/index.ts';

const COLUMNS_DEFAULT = 100;

// A reader that has gone (a pipe to head) is no fault of ours, and nobody is left to tell.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const code = await runCli(process.argv.slice(2), {
  terminal: {
    print: (chars) => void process.stdout.write(chars),
    note: (chars) => void process.stderr.write(chars),
    isTty: { output: process.stdout.isTTY === true, notes: process.stderr.isTTY === true },
    // 0 is what a terminal says that does not know.
    columns: () => process.stderr.columns || COLUMNS_DEFAULT,
  },
  clock: systemClock,
  ids: createIds(systemClock),
  folder: process.cwd(),
  settings: readSettings,
  readInput: () => text(process.stdin),
});
// Pipes take what was written before the process ends only when they are waited for.
process.exitCode = code;
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
