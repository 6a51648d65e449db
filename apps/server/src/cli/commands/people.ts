/** `guildhall people`: what the operator does for one person. */
import { factorReset } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { plain } from '../text.ts';

const EXAMPLE = 'people reset-factors ada@example.com';

export function addPeople(program: Command, context: CliContext): void {
  const people = group(program, 'people', 'help people who cannot help themselves (operator)', EXAMPLE);
  withConnection(
    leaf(people, 'reset-factors <address>', 'remove all second factors of somebody who lost them', [EXAMPLE]),
  ).action(async (email: string, options: ConnectionOptions) => {
    const reset = await (await connect(context, options)).post('/v1/operator/factor-resets', { email }, factorReset);
    show(context, options, reset, () =>
      reset.factorsRemoved === 0
        ? `${plain(email)} has no second factor; nothing was changed.\n`
        : `${plain(email)}: factors removed ${reset.factorsRemoved}, sessions ended ${reset.sessionsEnded}. They are told by mail.\n` +
          (reset.isPasswordRemoved
            ? 'Their password was too short to stand alone: a link by mail sets another one.\n'
            : ''),
    );
  });
}
