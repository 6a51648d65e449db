/** `guildhall keys rotate-signing`: a new key for access tokens, while everything goes on. */
import type { Command } from 'commander';
import { type CliContext, type JsonOption, leaf, show } from '../context.ts';

// Loaded when it is used: the platform takes half a second to load.
const books = () => import('../books.ts');

interface RotateOptions extends JsonOption {
  readonly stolen?: boolean;
}

const told = ({ id, revoked }: { readonly id: string; readonly revoked: number }, isStolen: boolean): string =>
  isStolen
    ? `Key ${id} signs access tokens from now on. ${revoked} former keys are void with all their tokens; clients get new ones with their refresh tokens.\n`
    : `Key ${id} is published now and signs access tokens in ten minutes. Tokens of the former key stay good until they expire.\n`;

export function addRotateSigning(keys: Command, context: CliContext): void {
  leaf(keys, 'rotate-signing', 'sign access tokens with a new key, while the server runs (works on the database)', [
    'keys rotate-signing',
    'keys rotate-signing --stolen',
  ])
    .option('--stolen', 'at once, and without an overlap: every access token there is becomes void')
    .action(async (options: RotateOptions) => {
      const { withPlatform } = await books();
      const isStolen = options.stolen === true;
      const done = await withPlatform(context, ({ platform }) => platform.identity.tokens.rotate(isStolen));
      show(context, options, done, () => told(done, isStolen));
    });
}
