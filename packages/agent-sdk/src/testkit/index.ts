/** The door of the test kit: run an agent without the platform and see everything it did. */
export { runAgent } from './run-agent.ts';
export * from './types.ts';
