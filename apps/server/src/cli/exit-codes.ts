/** How a command ended, for scripts. docs/reference/cli.md lists the same numbers. */
import type { Problem } from '@guildhall/contract';

export const EXIT = {
  ok: 0,
  /** The thing itself failed: a run that failed, books with differences, a check of doctor. */
  failed: 1,
  /** The command line or the settings are wrong; nothing was done. */
  usage: 2,
  /** Neither the server nor the database could be reached. */
  unreachable: 3,
  /** The API said no. */
  refused: 4,
  /** Stopped at once by a second Ctrl-C. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a sentence for the person who typed it. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** What the API answered, when it was the API. */
  readonly problem: Problem | undefined;
  constructor(exitCode: ExitCode, message: string, more: { cause?: unknown; problem?: Problem } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.problem = more.problem;
  }
}

export const usageError = (message: string): CliError => new CliError(EXIT.usage, message);
