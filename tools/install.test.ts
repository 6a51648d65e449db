import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const REAL_BIN = ['sh', 'cat', 'cmp', 'cp', 'dirname', 'grep', 'id', 'mkdir', 'paste', 'rm', 'tr'];

let root = '';
let bin = '';

// A repository of nothing but a lockfile, and a PATH where npm installs a Node that only tells its version.
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'install-'));
  bin = path.join(root, 'bin');
  mkdirSync(bin);
  for (const name of REAL_BIN)
    symlinkSync(spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim(), path.join(bin, name));
  mkdirSync(path.join(root, 'tools'));
  for (const name of ['install.sh', 'is-installed.mjs'])
    cpSync(path.join(import.meta.dirname, name), path.join(root, 'tools', name));
  writeFileSync(path.join(root, 'package-lock.json'), '{"packages":{"node_modules/a":{"version":"1.0.0"}}}');
  program('node', `case "$1" in -v) echo v20.20.2 ;; *) exec ${process.execPath} "$@" ;; esac`);
  program(
    'npm',
    `echo "npm $*" >> calls; mkdir -p node_modules/.bin; cp package-lock.json node_modules/.package-lock.json
    printf '#!/bin/sh\\necho v24.1.0\\n' > node_modules/.bin/node; ${process.execPath} -e "fs.chmodSync('node_modules/.bin/node', 0o755)"`,
  );
});

afterEach(() => rmSync(root, { recursive: true }));

function program(name: string, text: string): void {
  writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`);
  chmodSync(path.join(bin, name), 0o755);
}

function install(): { status: number | null; stderr: string; installs: number } {
  const { status, stderr } = spawnSync(path.join(bin, 'sh'), ['tools/install.sh'], {
    cwd: root,
    env: { PATH: bin },
    encoding: 'utf8',
  });
  return { status, stderr, installs: calls().filter((line) => line.startsWith('npm ci')).length };
}

function calls(): string[] {
  appendFileSync(path.join(root, 'calls'), '');
  return readFileSync(path.join(root, 'calls'), 'utf8').split('\n');
}

test('packages are installed when missing, when the lockfile has changed, and not otherwise', () => {
  expect(install()).toMatchObject({ status: 0, installs: 1 });
  expect(install()).toEqual({ status: 0, stderr: '', installs: 1 });
  writeFileSync(path.join(root, 'package-lock.json'), '{"packages":{"node_modules/a":{"version":"2.0.0"}}}');
  expect(install()).toMatchObject({ status: 0, installs: 2 });
});

test('what "npm install" has brought up to date by hand is not installed again', () => {
  install();
  const changed =
    '{"packages":{"node_modules/a":{"version":"2.0.0"},"node_modules/b":{"version":"1.0.0","optional":true}}}';
  writeFileSync(path.join(root, 'package-lock.json'), changed);
  writeFileSync(
    path.join(root, 'node_modules/.package-lock.json'),
    '{"packages":{"node_modules/a":{"version":"2.0.0"}}}',
  );
  expect(install()).toEqual({ status: 0, stderr: '', installs: 1 });
});

test.each(['v18.20.0', 'v20.18.3'])('Node %s is refused with what is needed', (version) => {
  program('node', `echo ${version}`);
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toContain(`Guildhall needs Node.js 20.19 or newer to install itself; this is ${version}`);
});

test.each(['node', 'npm'])('a machine without %s is told where to get it', (name) => {
  rmSync(path.join(bin, name));
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toContain(`there is no "${name}" here`);
});

test('a node_modules without Node 24 is refused with the command that mends it', () => {
  install();
  rmSync(path.join(root, 'node_modules/.bin/node'));
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toContain('npm ci --ignore-scripts=false');
});
