/** Follows a run by its events, across lost connections, without gap or repetition. */
import { setTimeout as pause } from 'node:timers/promises';
import { type RunEvent, runEvent } from '@guildhall/contract';
import type { Api } from './api.ts';
import { CliError, EXIT } from './exit-codes.ts';

// Two minutes in all: longer than a restart of the server takes.
const ATTEMPTS_MAX = 30;
const DELAY_FIRST_MS = 250;
const DELAY_MAX_MS = 5_000;
// Then it is opened anew: a connection that died without a word does not hold us for ever.
const CONNECTION_MS = 600_000;
const ENDS = new Set(['succeeded', 'failed', 'cancelled']);

/** The complete blocks of a stream of server-sent events; comments carry no data and are passed over. */
export async function* readBlocks(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trimStart());
      if (data.length > 0) yield data.join('\n');
    }
  }
}

const isEnd = (event: RunEvent): boolean => {
  const { data } = event;
  return (
    event.type === 'status' &&
    typeof data === 'object' &&
    data !== null &&
    'status' in data &&
    ENDS.has(String(data.status))
  );
};

/** Every event after `after` until the run has ended. @throws when the connection stays lost. */
export async function* followRun(
  api: Pick<Api, 'events'>,
  runId: string,
  after = 0,
  delayFirstMs = DELAY_FIRST_MS,
): AsyncGenerator<RunEvent> {
  let last = after;
  let failures = 0;
  for (;;) {
    try {
      const stream = await api.events(
        `/v1/runs/${encodeURIComponent(runId)}/events`,
        last,
        AbortSignal.timeout(CONNECTION_MS),
      );
      for await (const block of readBlocks(stream)) {
        const event = runEvent.parse(JSON.parse(block));
        if (event.seq <= last) continue;
        last = event.seq;
        failures = 0;
        yield event;
        if (isEnd(event)) return;
      }
    } catch (error) {
      if (error instanceof CliError && error.exitCode === EXIT.refused && error.problem?.status !== 429) throw error;
      if (failures >= ATTEMPTS_MAX) throw error;
    }
    failures += 1;
    if (failures > ATTEMPTS_MAX)
      throw new CliError(EXIT.unreachable, `The events of ${runId} break off again and again.`);
    await pause(Math.min(delayFirstMs * 2 ** (failures - 1), DELAY_MAX_MS));
  }
}
