/** One call of a model, from request to settlement. */
export type { GatewayDeps } from './deps.ts';
export { createGateway, type Gateway } from './gateway.ts';
export { platformFee } from './money.ts';
export { tracedGateway } from './traced.ts';
export type { CallAnswer, CallFacts, CallObserver, Incoming, StreamedAnswer, WholeAnswer } from './types.ts';
