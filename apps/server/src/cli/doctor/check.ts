/** What a check of `doctor` found. */

export interface Check {
  readonly name: string;
  readonly level: 'pass' | 'warn' | 'fail';
  /** What was found. */
  readonly detail: string;
  /** What to do; only where something is not well. */
  readonly advice?: string;
}
