/** The door of the agent SDK: define an agent once, and it can be called, watched, limited and billed. */

export { AgentError } from './agent-error.ts';
export { defineAgent } from './define-agent.ts';
export { type SandboxIo, sandboxEntry } from './sandbox/entry.ts';
export type * from './types.ts';
