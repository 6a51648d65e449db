/** `npm run mutants`: plants each bug in a copy of the tree and runs the test that must catch it. Ends with 1 when one survives. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { copyTree } from './copy.ts';
import { type Edit, MUTANTS, type Mutant } from './list.ts';

interface Verdict {
  readonly mutant: Mutant;
  readonly isCaught: boolean;
  readonly how: string;
  readonly seconds: number;
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface Result {
  readonly failed: readonly string[];
  readonly passed: number;
  readonly text: string;
}

/** Runs vitest in the copy; what failed is read from its report, so that a broken build does not pass for a caught bug. */
function runTests(folder: string, args: readonly string[]): Result {
  const report = path.join(folder, 'mutant-report.json');
  writeFileSync(report, '{}');
  const run = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', `--outputFile=${report}`, ...args],
    { cwd: folder, encoding: 'utf8', timeout: 300_000 },
  );
  // Vitest's own report.
  const said = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests?: number;
    testResults?: { assertionResults: { status: string; title: string }[] }[];
  };
  const failed = (said.testResults ?? []).flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ title }) => title),
  );
  return { failed, passed: said.numPassedTests ?? 0, text: `${run.stdout}${run.stderr}` };
}

/** Undefined where it cannot be planted; else takes it back. */
function plant(folder: string, { file, find, replace }: Edit): (() => void) | undefined {
  const target = path.join(folder, file);
  const sound = readFileSync(target, 'utf8');
  if (sound.split(find).length !== 2) return undefined;
  writeFileSync(
    target,
    sound.replace(find, () => replace),
  );
  return () => writeFileSync(target, sound);
}

function tryMutant(folder: string, mutant: Mutant): Verdict {
  const began = performance.now();
  const verdict = (isCaught: boolean, how: string): Verdict => ({
    mutant,
    isCaught,
    how,
    seconds: (performance.now() - began) / 1_000,
  });
  const planted = [mutant, ...(mutant.also ? [mutant.also] : [])].map((edit) => plant(folder, edit));
  try {
    if (planted.includes(undefined)) return verdict(false, 'cannot be planted: its place has changed');
    const { failed, passed, text } = runTests(folder, mutant.caughtBy);
    if (failed.length > 0) return verdict(true, failed[0] ?? '');
    if (passed > 0) return verdict(false, 'SURVIVED');
    return verdict(false, `no test ran: ${text.trim().split('\n').at(-1)}`);
  } finally {
    for (const takeBack of planted) takeBack?.();
  }
}

const [only] = process.argv.slice(2);
const wanted = MUTANTS.filter(({ bug }) => only === undefined || bug.includes(only));
const copy = copyTree();
try {
  const files = [...new Set(wanted.flatMap(({ caughtBy }) => caughtBy.filter((arg) => arg.endsWith('.test.ts'))))];
  const sound = runTests(copy.folder, files);
  if (sound.failed.length > 0 || sound.passed === 0) {
    print(`Without any bug these tests must pass first: ${sound.failed.join('; ') || sound.text.slice(-2_000)}`);
    process.exitCode = 1;
  } else {
    print(`${sound.passed} tests pass without a bug`);
    const verdicts = wanted.map((mutant) => {
      const verdict = tryMutant(copy.folder, mutant);
      const { isCaught, how, seconds } = verdict;
      print(
        `${isCaught ? 'caught  ' : 'SURVIVED'} ${seconds.toFixed(1).padStart(5)} s  ${mutant.bug}\n                  ${how}`,
      );
      return verdict;
    });
    const caught = verdicts.filter(({ isCaught }) => isCaught).length;
    print(`${caught} of ${verdicts.length} planted bugs are caught`);
    process.exitCode = caught === verdicts.length ? 0 : 1;
  }
} finally {
  copy.remove();
}
