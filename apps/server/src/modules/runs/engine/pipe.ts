/** A stream of bytes that is filled faster than it is read, and gives out all of it before it ends or fails. */
export interface Pipe {
  readonly stream: ReadableStream<Uint8Array>;
  put(bytes: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
}

/** `onLeave` is called when the reader goes before the end. */
export function createPipe(onLeave: () => void): Pipe {
  const waiting: Uint8Array[] = [];
  let over: { readonly error?: unknown } | undefined;
  let more = Promise.withResolvers<void>();
  const wake = (): void => {
    more.resolve();
    more = Promise.withResolvers<void>();
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for (;;) {
      const bytes = waiting.shift();
      if (bytes) return controller.enqueue(bytes);
      if (over && 'error' in over) throw over.error;
      if (over) return controller.close();
      await more.promise;
    }
  };
  return {
    stream: new ReadableStream({ pull, cancel: onLeave }, { highWaterMark: 0 }),
    put(bytes) {
      waiting.push(bytes);
      wake();
    },
    end() {
      over ??= {};
      wake();
    },
    fail(error) {
      over ??= { error };
      wake();
    },
  };
}
