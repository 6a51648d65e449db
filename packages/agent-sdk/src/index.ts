/** The door of the agent SDK: define an agent once, and it can be called, watched, limited and billed. */
export { defineAgent } from './define-agent.ts';
export { AgentError } from './agent-error.ts';
export type * from './types.ts';
export { sandboxEntry, type SandboxIo } from './sandbox/entry.ts';
