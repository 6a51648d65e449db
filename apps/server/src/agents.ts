/** The built-in agents. Adding one means its folder and a line here. */
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { workflowOrchestrator } from '@guildhall/agent-workflow-orchestrator';

export const builtInAgents = [workflowOrchestrator] as unknown as readonly AgentDefinition[];
