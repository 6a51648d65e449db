/** The command line against a running platform, in this process. */
import { runCli } from '../../src/cli/program.ts';
import { loadSettings } from '../../src/config/index.ts';
import { systemClock } from '../../src/platform/clock/index.ts';
import { createIds } from '../../src/platform/ids/index.ts';
import type { TestPlatform } from './platform.ts';

const ids = createIds(systemClock);

/** Runs one command with this key; the result is its exit code and what it said. */
export async function runCommand({ url, key }: Pick<TestPlatform, 'url' | 'key'>, argv: readonly string[]) {
  const text = { printed: '', noted: '' };
  const code = await runCli([...argv, '--url', url, '--key', key], {
    terminal: {
      print: (more) => {
        text.printed += more;
      },
      note: (more) => {
        text.noted += more;
      },
      isTty: { output: false, notes: false },
      columns: () => 80,
    },
    clock: systemClock,
    ids,
    folder: '/nowhere',
    settings: () => loadSettings({ GUILDHALL_DATA_DIR: '/nowhere' }),
    readInput: async () => '',
  });
  return { code, ...text };
}
