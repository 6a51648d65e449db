/** Whoever opens closes: in reverse order, also after a start that failed half-way. */
export class ClosingStack {
  readonly #closers: { readonly name: string; readonly close: () => Promise<unknown> | unknown }[] = [];
  readonly #onError: (name: string, error: unknown) => void;

  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  push(name: string, close: () => Promise<unknown> | unknown): void {
    this.#closers.push({ name, close });
  }

  /** Closes everything once; one that fails does not keep the others open. */
  async close(): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      try {
        await closer.close();
      } catch (error) {
        this.#onError(closer.name, error);
      }
    }
  }
}
