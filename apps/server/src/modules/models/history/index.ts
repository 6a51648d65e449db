/** History: what became of each call, and how providers have been. */
export { historyRoutes } from './routes.ts';
