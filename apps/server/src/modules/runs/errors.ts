/** What can go wrong with a run, in the caller's words. */
import { defineErrors } from '../../platform/errors/index.ts';

export const runErrors = defineErrors('runs', {
  notFound: ['run-not-found', 404, 'There is no such run.', 'List your runs with GET /v1/runs.'],
  fileNotFound: [
    'file-not-found',
    404,
    'There is no such file.',
    'Upload it with POST /v1/files and use the id of the answer.',
  ],
  fileRefNotFound: [
    'input-file-not-found',
    422,
    'The input names a file that does not exist.',
    'Upload it with POST /v1/files and use the id of the answer.',
  ],
  fileMissing: [
    'file-missing',
    422,
    'The request carries no file.',
    'Send it as multipart/form-data in a field named "file".',
  ],
  artifactNotFound: [
    'artifact-not-found',
    404,
    'There is no such artifact, or this link has expired.',
    'Read the run again for a fresh link.',
  ],
  approvalNotFound: [
    'approval-not-found',
    404,
    'There is no such approval for this run.',
    'Read the approval event of the run for its id.',
  ],
  alreadyDecided: [
    'already-decided',
    409,
    'This approval has been decided or has expired.',
    'Read the run to see what followed.',
  ],
  notEnded: ['not-ended', 409, 'This run has not ended yet.', 'Wait for its end or cancel it, then replay.'],
  badStep: [
    'unknown-step',
    422,
    'The run has no such step to fork from.',
    'Use an index from GET /v1/runs/{id}/steps.',
  ],
  replayBoth: ['replay-ambiguous', 422, 'Give either fromStep or input, not both.', 'Leave one of them out.'],
  agentGone: ['agent-gone', 410, 'The agent of this run is no longer offered.', 'Start a new run of another agent.'],
  timeout: [
    'timeout',
    408,
    'The run took longer than its agent may.',
    'Give it less work per run, or split the input.',
  ],
  tooManyTokens: [
    'too-many-tokens',
    422,
    'The run needs more tokens than its agent may use.',
    'Give it less work per run, or split the input.',
  ],
  tooManySteps: ['too-many-steps', 422, 'The run took more steps than its agent may.', 'Give it less work per run.'],
  diverged: [
    'replay-diverged',
    409,
    'The agent asked for a step that the record does not hold.',
    'The agent has changed since, or the run was cut short: start it anew with its input.',
  ],
  badOutput: [
    'bad-output',
    500,
    'The agent returned something that does not fit its own schema.',
    'Report the run id to the operator.',
  ],
  poison: [
    'dead-letter',
    500,
    'Every worker that took this run died.',
    'It lies with the dead letters; the operator can redrive it.',
  ],
  failed: [
    'agent-fault',
    500,
    'The agent failed by a fault of its own.',
    'Start it again; if it fails again, report the run id to the operator.',
  ],
  rejected: [
    'review-rejected',
    409,
    'A person decided that an effect of unknown outcome is not to be repeated.',
    'Check the outside system, then start a new run.',
  ],
  rightsLost: [
    'rights-lost',
    403,
    'Whoever started this run may not run agents any more.',
    'Let somebody who may start it anew.',
  ],
  cancelled: ['cancelled', 409, 'The run was cancelled.', 'Start a new run when you need the result.'],
  tooManyStreams: [
    'too-many-streams',
    429,
    'Too many event streams are open for this organisation.',
    'Close some of them, or poll GET /v1/runs/{id}.',
  ],
  outputTooLarge: [
    'output-too-large',
    422,
    'The agent returned more than 1 MiB.',
    'Ask for less at once; large results belong in artifacts.',
  ],
  stepTooLarge: ['step-too-large', 422, 'A step returned more than 1 MiB.', 'Keep large results as artifacts.'],
});

export const budgetErrors = defineErrors('budget', {
  insufficient: [
    'insufficient-balance',
    402,
    'The balance does not cover the most this run may cost.',
    'Add credit, choose a lower tier, or set maxCost.',
  ],
  exceeded: [
    'limit-exceeded',
    402,
    'A budget does not cover the most this run may cost.',
    'Raise the budget, wait for its reset, choose a lower tier, or set maxCost.',
  ],
  belowBase: [
    'max-cost-below-base',
    402,
    'maxCost is below the base price of this agent and tier.',
    'Raise maxCost to at least `required`, or choose a lower tier.',
  ],
  maxCostReached: [
    'max-cost-reached',
    402,
    'The run reached what it may cost at most and stopped.',
    'Start it again with a higher maxCost.',
  ],
});
