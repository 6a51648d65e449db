/** One call of a model, from request to settlement. */
export { createGateway, type Gateway, type GatewayDeps } from './gateway.ts';
export { platformFee } from './money.ts';
export type { CallAnswer, CallFacts, CallObserver, Incoming, StreamedAnswer, WholeAnswer } from './types.ts';
