/** The HTTP edge: routes are declared by modules and served here. */
export { type Answer, type Call, type Principal, type RouteDefinition, route } from './types.ts';
