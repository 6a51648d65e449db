/** Steps at work, and which of them have ended since anybody looked. */

/**
 * Watches promises by id. A plain waiting room without any timer: while nothing arrives nothing happens, so the platform can tell that a
 * run only waits and suspend it.
 */
export class Arrivals {
  readonly #arrived = new Set<string>();
  #fault: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** The rejection of a watched promise is kept and thrown by the next `some`. */
  watch(id: string, work: Promise<unknown>): void {
    work.then(
      () => {
        this.#arrived.add(id);
        this.#wake?.();
      },
      (error: unknown) => {
        this.#fault ??= { error };
        this.#wake?.();
      },
    );
  }

  /** The ids that have arrived and were not taken yet; waits until there is one. @throws what a watched promise was rejected with */
  async some(): Promise<readonly string[]> {
    while (this.#arrived.size === 0 && this.#fault === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (this.#fault !== undefined) throw this.#fault.error;
    return [...this.#arrived];
  }

  take(id: string): void {
    this.#arrived.delete(id);
  }
}
