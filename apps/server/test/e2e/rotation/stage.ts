/** A server in this process whose secrets lie in files and stores, with all that it calls, and the way to change them. */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SCOPES } from '@guildhall/contract';
import { runCli } from '../../../src/cli/index.ts';
import { followSecrets, readSettings } from '../../../src/config/index.ts';
import { systemClock } from '../../../src/platform/clock/index.ts';
import { createIds } from '../../../src/platform/ids/index.ts';
import type { LogFields, Logger } from '../../../src/platform/telemetry/index.ts';
import { createProbes } from '../../../src/probes.ts';
import { serve } from '../../../src/serve.ts';
import { scratchFolder } from '../../harness/cluster.ts';

export const word = (): string => randomBytes(24).toString('base64url');

interface Line {
  readonly message: string;
  readonly fields: LogFields | undefined;
}

function createEar() {
  const [lines, faults]: [Line[], Line[]] = [[], []];
  const into = (to: Line[]) => (message: string, fields?: LogFields) => void to.push({ message, fields });
  const hear = into(lines);
  const log: Logger = {
    debug: hear,
    info: hear,
    warn: hear,
    error: into(faults),
    fatal: into(faults),
    child: () => log,
  };
  return { log, lines, faults };
}

/** @param given the settings beside the usual ones, made with the way to put a secret into a file. */
export async function startStage(given: (keep: (name: string, text: string) => string) => Record<string, string>) {
  const folder = scratchFolder();
  const keep = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const environment: Record<string, string> = {
    GUILDHALL_DATA_DIR: path.join(folder, 'data'),
    PORT: '0',
    LIMITS_SCALE: '1000',
    ...given(keep),
  };
  const settings = await readSettings({}, environment);
  const { log, lines, faults } = createEar();
  const server = await serve({ role: 'start', settings, log });
  const told = { renewed: [] as string[], failed: [] as string[] };
  const observer = {
    renewed: (name: string) => void told.renewed.push(name),
    failed: (fault: string) => void told.failed.push(fault),
  };
  const follower = followSecrets(settings, observer, {
    probes: createProbes(server.foundation, server.platform),
    environment,
  });
  const { identity, inventory } = server.platform;
  const actor = { type: 'system', id: 'test' } as const;
  const { organisation, secret: key } = await identity.createOrganisation({
    name: 'Load',
    actor,
    scopes: SCOPES,
    trial: true,
  });
  return {
    server,
    url: server.url ?? '',
    orgId: organisation.id,
    key,
    keep,
    lines,
    faults,
    /** What the setting holds in the running server. */
    valueOf: (name: string) => settings.secrets.settings.find((one) => one.name === name)?.value.reveal(),
    /** Reads all again; what was said of it. */
    async look() {
      for (const list of Object.values(told)) list.length = 0;
      await follower.look();
      return { renewed: [...told.renewed], failed: [...told.failed] };
    },
    inventory: () => inventory.list(),
    /** A command line on the same data folder, with the same settings. */
    async cli(...argv: readonly string[]) {
      let noted = '';
      const code = await runCli([...argv, '--json'], {
        terminal: {
          print: () => {},
          note: (text) => {
            noted += text;
          },
          isTty: { output: false, notes: false },
          columns: () => 80,
        },
        clock: systemClock,
        ids: createIds(systemClock),
        folder,
        // It waits for two readings of every process; those of this one are made by `look`.
        settings: (options) => readSettings(options, { ...environment, SECRETS_REFRESH_SECONDS: '5' }),
        readInput: async () => '',
      });
      if (code !== 0) throw new Error(`guildhall ${argv.join(' ')} ended with ${code}: ${noted}`);
    },
    async close() {
      await follower.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Stage = Awaited<ReturnType<typeof startStage>>;
