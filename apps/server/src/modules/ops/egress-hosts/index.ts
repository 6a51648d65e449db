/** Hosts that organisations allow. */
export { createEgressHosts } from './remembered.ts';
export { egressHostRoutes } from './routes.ts';
export { eraseStatement } from './store.ts';
