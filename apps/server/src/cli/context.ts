/** What every command works with, and how a command is declared. */
import type { Command } from 'commander';
import type { LoadOptions, Settings } from '../config/index.ts';
import type { Clock } from '../platform/clock/index.ts';
import type { Ids } from '../platform/ids/index.ts';
import type { ExitCode } from './exit-codes.ts';

export interface Terminal {
  /** Results: standard output. */
  print(text: string): void;
  /** Everything beside the result: standard error. */
  note(text: string): void;
  /** A person watches standard output, or standard error. */
  readonly isTty: { readonly output: boolean; readonly notes: boolean };
  /** Width of the screen in characters. */
  columns(): number;
}

export interface CliContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly folder: string;
  /** @throws SettingsError naming every fault. */
  settings(options?: LoadOptions): Settings | Promise<Settings>;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** How the command ended when it ends without an error; 0 unless said. */
  end(code: ExitCode): void;
}

export interface JsonOption {
  readonly json?: boolean;
}

const exampleText = (examples: readonly string[]): string =>
  `\nExample:\n${examples.map((example) => `  $ guildhall ${example}`).join('\n')}`;

/** A command that only holds others. */
export function group(parent: Command, name: string, summary: string, example: string): Command {
  return parent
    .command(name)
    .description(summary)
    .helpCommand(false)
    .addHelpText('after', exampleText([example]));
}

/** A command with `--json` and examples in its help. */
export function leaf(parent: Command, usage: string, summary: string, examples: readonly string[]): Command {
  return parent
    .command(usage)
    .description(summary)
    .option('--json', 'print one JSON document for machines')
    .addHelpText('after', exampleText(examples));
}

/** Prints the result: as JSON when asked, else as text. */
export function show(context: CliContext, options: JsonOption, value: unknown, text: () => string): void {
  context.terminal.print(options.json ? `${toJson(value)}\n` : text());
}

/** JSON in which whole numbers of any size stay exact, as strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? member.toString() : member), 2);
}
