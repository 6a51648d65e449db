/** Is the process up, and can it work? Every answer comes from asking, not from remembering. */
export type Check = () => Promise<string>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<
    Record<string, { readonly status: 'ok' | 'failed'; readonly detail: string; readonly ms: number }>
  >;
}

// A dependency that takes longer to answer than a balancer waits is not ready.
const CHECK_MS = 2_000;

/** @throws when there is no answer in time. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), CHECK_MS);
    });
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(check: Check, monotonicMs: () => number): Promise<Readiness['checks'][string]> {
  const began = monotonicMs();
  try {
    const detail = await inTime(check());
    return { status: 'ok', detail, ms: Math.round(monotonicMs() - began) };
  } catch {
    // Which host or statement failed is for the log of whoever owns the dependency, not for a public page.
    return { status: 'failed', detail: 'does not answer', ms: Math.round(monotonicMs() - began) };
  }
}

/** None where they cannot be asked for: what failed is told by its check. */
export const warningsNow = (warnings: () => Promise<readonly string[]>): Promise<readonly string[]> =>
  inTime(warnings()).catch(() => []);

/** Asks everything at once. */
export async function readiness(
  checks: Readonly<Record<string, Check>>,
  monotonicMs: () => number,
): Promise<Readiness> {
  const entries = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await ask(check, monotonicMs)] as const),
  );
  return { ready: entries.every(([, result]) => result.status === 'ok'), checks: Object.fromEntries(entries) };
}
