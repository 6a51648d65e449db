/** What Linux says about processes: who descends from whom, and how much memory they use. */
import { readdirSync, readFileSync } from 'node:fs';

// USER_HZ, which Linux fixes for everything it tells programs.
const TICKS_PER_SECOND = 100;

/** `roots` and everything below them, as far as it is still there. */
export function treeOf(roots: readonly number[]): ReadonlySet<number> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? parentOf(pid) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = new Set<number>();
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    open.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** The processes that `pid` started and that are still there. */
export const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((each) => Number.isInteger(each) && parentOf(each) === pid);

/** Proportional set size in MB (10⁶ bytes): memory shared between processes is counted once. */
export const pssMb = (pid: number): number => kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss') * 0.001024;

/** The most resident memory that the process has had so far, in MB. */
export const peakMb = (pid: number): number => kilobytes(`/proc/${pid}/status`, 'VmHWM') * 0.001024;

/** Processor seconds that the processes have used so far, in their own code and in the kernel's. On a busy machine this says more than the clock. */
export const cpuSeconds = (pids: Iterable<number>): number =>
  [...pids].reduce((sum, pid) => {
    const fields = statOf(pid);
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
  }, 0);

/** The command line, for reports. */
export const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Fields 3 and on of proc(5) stat. The name before them may hold spaces and brackets, so they begin after its last bracket. */
const statOf = (pid: number): readonly string[] => read(`/proc/${pid}/stat`).split(')').at(-1)?.trim().split(' ') ?? [];

const kilobytes = (file: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(file))?.[1] ?? 0);

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It ended between being listed and being read.
    return '';
  }
}
