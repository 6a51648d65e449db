/** Models for agents: the same path as a call by API, paid from the hold of the run that calls. */
export { createRunCalls, type RunCalls, type RunCallsDeps } from './calls.ts';
export { languageModel, wordsIn } from './language-model.ts';
export { type PlannedDeps, type PlannedPrice, plannedPrices, tierModel } from './planned.ts';
export { modelError } from './problems.ts';
export type { Begun, CallingRun, Lost, NewRunCall, RunCallEnd } from './types.ts';
