/** Token counting: how much a prompt takes at most, how much was delivered, how much output to hold for. */
export { createTokenCounter, type Prompt, type TokenCounter } from './counter.ts';
export { type PromptParts, plainBoundOf } from './families.ts';
export { type OutputBound, type OutputRoom, outputBound } from './output-bound.ts';
