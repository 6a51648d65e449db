/** `guildhall start`, `api`, `worker` and `migrate`: the program as a server. */
import type { Command } from 'commander';
import type { Role } from '../../serve.ts';
import { type CliContext, type JsonOption, leaf } from '../context.ts';

// Loading the server takes half a second of work; commands that only ask it something do without.
const serving = () => import('../serving.ts');

const ROLES: Readonly<Record<Role, string>> = {
  start: 'serve everything in one process: API and worker, with an embedded PostgreSQL unless DATABASE_URL is set',
  api: 'answer requests only; run workers beside it',
  worker: 'execute runs only; run an api beside it',
};

export function addServing(program: Command, context: CliContext): void {
  for (const role of ['start', 'api', 'worker'] as const) {
    leaf(program, role, ROLES[role], [role, `${role} --json`])
      .addHelpText(
        'after',
        '\nSettings come from the environment (PORT, GUILDHALL_DATA_DIR, DATABASE_URL …): docs/reference/settings.md',
      )
      .action(async (options: JsonOption) => {
        // Before the server is loaded: settings with faults end the start at once.
        const settings = await context.settings({ forServer: true });
        const { serveRole } = await serving();
        await serveRole(context, role, settings, options);
      });
  }
  leaf(program, 'migrate', 'bring the schema of the database up to date, and say which version it has', [
    'migrate',
  ]).action((options: JsonOption) => serving().then(({ migrateOnly }) => migrateOnly(context, options)));
}
