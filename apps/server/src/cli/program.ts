/** The command line: which commands there are, and how whatever they throw becomes a sentence and an exit code. */
import { Command, CommanderError } from 'commander';
import { SettingsError } from '../config/index.ts';
import { GuildhallError } from '../platform/errors/index.ts';
import { VERSION } from '../version.ts';
import { addAgents } from './commands/agents.ts';
import { addAudit } from './commands/audit.ts';
import { addBeta } from './commands/beta.ts';
import { addCalls } from './commands/calls.ts';
import { addDoctor } from './commands/doctor.ts';
import { addKeys } from './commands/keys.ts';
import { addLedger } from './commands/ledger.ts';
import { addLimits } from './commands/limits.ts';
import { addMembers } from './commands/members.ts';
import { addModels } from './commands/models.ts';
import { addCredits, addOrgs } from './commands/operator.ts';
import { addPeople } from './commands/people.ts';
import { addPrices } from './commands/prices.ts';
import { addProviders } from './commands/providers.ts';
import { addRun } from './commands/run.ts';
import { addRuns } from './commands/runs.ts';
import { addSecrets } from './commands/secrets.ts';
import { addServing } from './commands/serve.ts';
import type { CliContext } from './context.ts';
import { CliError, EXIT, type ExitCode } from './exit-codes.ts';
import { plain } from './text.ts';

const EPILOGUE = `
Examples:
  $ npm start                                                       start everything
  $ npm run guildhall -- run data-processor --input orders.csv --watch
  $ npm run guildhall -- ledger verify
  $ npm run guildhall -- doctor

Commands talk to the server of GUILDHALL_DATA_DIR (by its ready.json), or to --url with --key.
Exit codes: 0 done · 1 it failed or differences were found · 2 wrong usage or settings · 3 not reachable · 4 refused by the API`;

function createProgram(context: CliContext): Command {
  const program = new Command('guildhall')
    .description('Agents as a paid service: durable, metered, billed to the last nano-dollar.')
    .version(VERSION, '--version')
    .exitOverride()
    .configureOutput({ writeOut: context.terminal.print, writeErr: context.terminal.note })
    .showHelpAfterError('(--help shows how it is used)')
    .helpCommand(false)
    .addHelpText('after', EPILOGUE);
  addServing(program, context);
  addAgents(program, context);
  addRun(program, context);
  addRuns(program, context);
  addKeys(program, context);
  addMembers(program, context);
  addPeople(program, context);
  addSecrets(program, context);
  addProviders(program, context);
  addModels(program, context);
  addCalls(program, context);
  addOrgs(program, context);
  addCredits(program, context);
  addPrices(program, context);
  addLimits(program, context);
  addBeta(program, context);
  addLedger(program, context);
  addAudit(program, context);
  addDoctor(program, context);
  return program;
}

/** Runs one command line (without `node` and the program's name). Never throws; returns the exit code. */
export async function runCli(argv: readonly string[], parts: Omit<CliContext, 'end'>): Promise<ExitCode> {
  let ended: ExitCode = EXIT.ok;
  const end = (code: ExitCode): void => {
    ended = code;
  };
  try {
    await createProgram({ ...parts, end }).parseAsync([...argv], { from: 'user' });
    return ended;
  } catch (error) {
    return report(error, parts.terminal.note, argv.includes('--json'));
  }
}

interface Told {
  readonly code: ExitCode;
  readonly message: string;
  readonly problem?: unknown;
}

function tell(error: unknown): Told {
  if (error instanceof CliError) return { code: error.exitCode, message: error.message, problem: error.problem };
  if (error instanceof SettingsError) return { code: EXIT.usage, message: capital(error.message) };
  if (error instanceof GuildhallError) {
    const code = error.spec.status < 500 ? EXIT.refused : EXIT.failed;
    return { code, message: `${error.details.detail ?? error.spec.title} ${error.spec.advice} (${error.spec.code})` };
  }
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return { code: EXIT.failed, message: `${message}${cause}` };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function report(error: unknown, note: (text: string) => void, json: boolean): ExitCode {
  // Commander has already printed help, version or what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const told = tell(error);
  if (json)
    note(`${JSON.stringify({ error: { exitCode: told.code, message: told.message, problem: told.problem } })}\n`);
  else
    note(
      `${told.message
        .split('\n')
        .map((line) => plain(line))
        .join('\n')}\n`,
    );
  return told.code;
}
