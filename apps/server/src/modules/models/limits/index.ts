/** Limits of calls by API. */
export { type CallLimits, type CallLimitsDeps, createCallLimits } from './limits.ts';
export { CallLimitError } from './words.ts';
