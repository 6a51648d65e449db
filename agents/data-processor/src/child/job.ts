/** What all parts of one job share. */
import type { OnError } from '../input/request.ts';
import type { Engine } from './engine.ts';
import type { Flow } from './flow.ts';

export interface Job {
  readonly engine: Engine;
  readonly onError: OnError;
  newTable(): string;
  /** Gives back the memory of a flow that has been replaced. */
  drop(flow: Flow): Promise<void>;
  /** Adds rows that were rejected or changed to the tally of a source. */
  count(source: string, rejected: number, coerced: number): void;
  readonly tallies: ReadonlyMap<string, Tally>;
}

export interface Tally {
  rejected: number;
  coerced: number;
}

/** Starts a job: makes the table of problems. */
export async function startJob(engine: Engine, onError: OnError): Promise<Job> {
  await engine.run(
    'CREATE TABLE problems (source VARCHAR, "row" BIGINT, line BIGINT, "column" VARCHAR, value VARCHAR, rule VARCHAR, message VARCHAR, outcome VARCHAR)',
  );
  const tallies = new Map<string, Tally>();
  let tables = 0;
  return {
    engine,
    onError,
    newTable: () => `work_${++tables}`,
    drop: async (flow) => {
      if (flow.table !== undefined) await engine.run(`DROP TABLE ${flow.table}`);
    },
    count: (source, rejected, coerced) => {
      const tally = tallies.get(source) ?? { rejected: 0, coerced: 0 };
      tally.rejected += rejected;
      tally.coerced += coerced;
      tallies.set(source, tally);
    },
    tallies,
  };
}
