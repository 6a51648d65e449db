/** Choices: names that stand for a list of models, so that a tier, and not a maker, decides which model answers; and what organisations allow. */
export { type Choices, type ChoicesDeps, createChoices } from './choices.ts';
export { choiceErrors } from './errors.ts';
export { allowsModel, createPolicies, faultOfChannel, type Policies } from './policy.ts';
export { choicesRoutes } from './routes.ts';
