/** What a person sees of a run that is under way. */
import type { RunEvent } from '@guildhall/contract';
import type { Terminal } from './context.ts';
import { formatDuration, plain } from './text.ts';

const BAR_CELLS = 24;
const CLEAR_LINE = '\r\u001b[2K';
const thousands = new Intl.NumberFormat('en');

interface Shown {
  readonly name: string;
  readonly status: string;
  readonly done: number | undefined;
  readonly total: number | undefined;
  readonly note: string | undefined;
}

const members = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? plain(value, 80) : undefined);

function shownOf(event: RunEvent): Shown {
  const data = members(event.data);
  const progress = members(data.progress);
  return {
    name: textOf(data.name) ?? '',
    status: textOf(data.status) ?? '',
    done: numberOf(progress.done),
    total: numberOf(progress.total),
    note: textOf(progress.note),
  };
}

/** `████████░░░░` */
export function bar(done: number, total: number, cells = BAR_CELLS): string {
  const share = total <= 0 ? 0 : Math.min(1, Math.max(0, done / total));
  const full = Math.floor(share * cells);
  return '█'.repeat(full) + '░'.repeat(cells - full);
}

function counts(shown: Shown): string {
  if (shown.done === undefined) return '';
  const done = thousands.format(shown.done);
  return shown.total === undefined ? done : `${done} of ${thousands.format(shown.total)}`;
}

export interface Progress {
  tell(event: RunEvent): void;
  /** Leaves the terminal as it was found. */
  end(): void;
}

/** On a screen: a line that renews itself. Into a file or pipe: a line for every change of status. */
export function createProgress(terminal: Terminal, agentId: string): Progress {
  const startedMs = { at: undefined as number | undefined };
  let finished = 0;
  const elapsed = (event: RunEvent): string => {
    const atMs = Date.parse(event.at);
    startedMs.at ??= atMs;
    return formatDuration(Math.max(0, atMs - startedMs.at));
  };
  const draw = (line: string): void => terminal.note(`${CLEAR_LINE}${line.slice(0, terminal.columns() - 1)}`);
  return {
    tell: (event) => {
      const time = elapsed(event);
      const shown = shownOf(event);
      if (event.type === 'step' && shown.status === 'succeeded') finished += 1;
      if (event.type === 'log') {
        const data = members(event.data);
        terminal.note(`${terminal.isTty.notes ? CLEAR_LINE : ''}  ${plain(data.level)}: ${plain(data.message)}\n`);
        return;
      }
      if (event.type !== 'step' && event.type !== 'status') return;
      if (terminal.isTty.notes) {
        const cells = shown.done !== undefined && shown.total !== undefined ? bar(shown.done, shown.total) : undefined;
        const what = event.type === 'status' ? shown.status : `${shown.name} ${shown.status}`;
        const parts = [agentId, cells, what, counts(shown), shown.note, `${finished} steps done`, time];
        draw(parts.filter((part) => part !== undefined && part !== '').join(' · '));
      } else if (shown.done === undefined) {
        const what = event.type === 'status' ? `run ${shown.status}` : `step ${shown.name} ${shown.status}`;
        terminal.note(`${what} (${time})\n`);
      }
    },
    end: () => {
      if (terminal.isTty.notes) terminal.note(CLEAR_LINE);
    },
  };
}
