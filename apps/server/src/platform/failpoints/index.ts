/**
 * Named places where a process may die. In production they do nothing; tests arm them and kill the process there, because a promise
 * about crashes is only worth what was tried.
 */

/** Every place, so that a test can walk through all of them and none is forgotten. */
export const FAILPOINTS = [
  'admit.before-commit',
  'admit.after-commit',
  'begin.after',
  'step.before-intent',
  'step.after-intent',
  'step.before-work',
  'step.after-work',
  'step.after-checkpoint',
  'child.after-admit',
  'approval.after-ask',
  'suspend.before-commit',
  'suspend.after-commit',
  'settle.before',
  'settle.before-commit',
  'settle.after-commit',
  'outbox.before-commit',
  'outbox.after-commit',
  'call.after-hold',
  'call.before-settle',
  'call.after-settle',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

/** Returns at once where nothing is armed. */
export type Failpoint = (name: FailpointName) => Promise<void> | void;

export const noFailpoints: Failpoint = () => {};

/** `crash` ends the process as SIGKILL would; `hang` never returns; `throw` fails the statement. */
type Action = 'crash' | 'hang' | 'throw';
const ACTIONS: ReadonlySet<string> = new Set(['crash', 'hang', 'throw']);
const NAMES: ReadonlySet<string> = new Set(FAILPOINTS);

/**
 * Arms points by a text such as `step.after-work=crash,settle.before-commit=crash@3` (the third passage). Each fires once.
 * @throws for a name or an action that does not exist.
 */
export function armFailpoints(text: string): Failpoint {
  const armed = new Map<string, { action: Action; left: number }>();
  for (const part of text.split(',').filter((item) => item !== '')) {
    const [, name = '', action = '', passage = '1'] = /^([^=]+)=([a-z]+)(?:@(\d+))?$/.exec(part) ?? [];
    if (!NAMES.has(name) || !ACTIONS.has(action)) throw new Error(`failpoint ${part}: no such place or action`);
    // Checked one line above.
    armed.set(name, { action: action as Action, left: Number(passage) });
  }
  return (name) => {
    const point = armed.get(name);
    if (!point) return;
    point.left -= 1;
    if (point.left > 0) return;
    armed.delete(name);
    if (point.action === 'crash') process.kill(process.pid, 'SIGKILL');
    if (point.action === 'throw') throw new Error(`failpoint ${name}`);
    return new Promise<void>(() => {});
  };
}
