/** The ways sandboxed work can end badly, in words its caller can act on. */
import { AgentError } from '../agent-error.ts';
import type { FieldError, Json, SandboxLimits } from '../types.ts';

export type SandboxFailure = 'timeout' | 'memory' | 'output' | 'crashed';

const MIB = 1024 * 1024;

function sentence(failure: SandboxFailure, limits: SandboxLimits): readonly [message: string, advice: string] {
  switch (failure) {
    case 'timeout':
      return [
        `The work took longer than the ${limits.wallMs / 1000} s it may take.`,
        'Split the input or ask for less, then start a new run.',
      ];
    case 'memory':
      return [
        `The work needed more than the ${Math.floor(limits.memoryMaxBytes / MIB)} MiB of memory it may use.`,
        'Split the input, then start a new run.',
      ];
    case 'output':
      return ['The work returned more than it may return.', 'Ask for a smaller result, then start a new run.'];
    case 'crashed':
      return ['The work ended without a result.', 'Start a new run; if it happens again, report it with the run id.'];
    default: {
      const never: never = failure;
      throw new Error(`unreachable: ${String(never)}`);
    }
  }
}

/** One of `sandbox-timeout`, `sandbox-memory`, `sandbox-output`, `sandbox-crashed`; what the child said stays in `cause`. */
export function sandboxError(failure: SandboxFailure, limits: SandboxLimits, cause?: unknown): AgentError {
  const [message, advice] = sentence(failure, limits);
  return new AgentError(`sandbox-${failure}`, message, { advice, cause });
}

function fieldErrors(value: unknown): readonly FieldError[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter((entry) => typeof entry?.path === 'string' && typeof entry?.message === 'string')
    .map((entry) => ({ path: entry.path, message: entry.message }));
}

/** Turns what the child reported into the error it threw, or into a crash that shows nothing of its text. */
export function failureToError(body: Json, limits: SandboxLimits): AgentError {
  // Read member by member below; nothing is believed before it is checked.
  const report = body as { agentError?: Record<string, unknown>; crash?: unknown } | null;
  const thrown = report?.agentError;
  if (thrown && typeof thrown.reason === 'string' && typeof thrown.message === 'string') {
    return new AgentError(thrown.reason, thrown.message, {
      ...(typeof thrown.advice === 'string' ? { advice: thrown.advice } : {}),
      errors: fieldErrors(thrown.errors),
      retryable: thrown.retryable === true,
    });
  }
  return sandboxError('crashed', limits, new Error(String(report?.crash ?? 'no report')));
}
