/** The built-in agents. Adding one means its folder and a line here. */
import dataProcessor from '@guildhall/agent-data-processor';
import { reportGenerator } from '@guildhall/agent-report-generator';
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { workflowOrchestrator } from '@guildhall/agent-workflow-orchestrator';

// Each is typed by its own input, which a list cannot say; the platform parses every input with the agent's schema before it runs.
export const builtInAgents = [
  dataProcessor,
  reportGenerator,
  workflowOrchestrator,
] as unknown as readonly AgentDefinition[];
