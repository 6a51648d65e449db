import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const REPOSITORY = path.join(import.meta.dirname, '..');

test('the start script becomes the program: one process, our arguments, and the signal arrives', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'run-'));
  try {
    mkdirSync(path.join(root, 'tools'));
    mkdirSync(path.join(root, 'node_modules/.bin'), { recursive: true });
    mkdirSync(path.join(root, 'apps/server/src'), { recursive: true });
    for (const file of ['tools/run.sh', 'tools/node.sh']) cpSync(path.join(REPOSITORY, file), path.join(root, file));
    writeFileSync(path.join(root, 'tools/install.sh'), '');
    symlinkSync(process.execPath, path.join(root, 'node_modules/.bin/node'));
    const program = `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000);
      console.log(JSON.stringify([process.pid, ...process.argv.slice(2)]))`;
    writeFileSync(path.join(root, 'apps/server/src/main.ts'), program);
    // Read from the file, as npm does; the shell that npm starts must not stay between npm and the program.
    const { scripts } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));
    const child = spawn('sh', ['-c', `${scripts.start} "a b"`], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(child.stdout, 'data');
    const [pid, ...rest] = JSON.parse(String(line));
    try {
      expect([pid, ...rest]).toEqual([child.pid, 'start', 'a b']);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([7, null]);
    } finally {
      // Where a shell did stay in between, the program would outlive this test.
      if (child.exitCode === null) process.kill(pid, 'SIGKILL');
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});
