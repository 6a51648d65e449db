/** The door of the agent. */
export { workflowOrchestrator } from './agent.ts';
