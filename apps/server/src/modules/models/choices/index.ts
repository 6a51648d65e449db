/** Choices: names that stand for a list of models, so that a tier, and not a maker, decides which model answers. */
export { type Choices, type ChoicesDeps, createChoices } from './choices.ts';
