/** Limits by name: what they are, what the operator made of them. */
export { limitRoutes } from './routes.ts';
export { FAILED_KEYS, KEY, ORGANISATION, PERSON, PUBLIC } from './rules.ts';
export { createLimits, type Limits } from './service.ts';
