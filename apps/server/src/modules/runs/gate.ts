/** Lets a bounded number of things happen at once; the rest wait in order. */
export interface Gate {
  /** @throws the signal's reason when it aborts while waiting. */
  pass<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function createGate(max: number): Gate {
  let inside = 0;
  const waiting: (() => void)[] = [];
  const enter = (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (inside < max) {
      inside += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        waiting.splice(waiting.indexOf(admit), 1);
        reject(signal.reason);
      };
      // The place of whoever left is handed over, so `inside` stays as it is.
      const admit = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      waiting.push(admit);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else inside -= 1;
  };
  return {
    async pass(signal, work) {
      await enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
