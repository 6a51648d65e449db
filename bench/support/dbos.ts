/** The peer: DBOS Transact in this process, on a database of its own in the platform's PostgreSQL. Workflows of three steps that do nothing. */
import { DBOS, type WorkflowHandle } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import type { Answer } from './load.ts';

export interface Peer {
  /** Starts one directly and waits for its result. */
  direct(): Promise<Answer>;
  /** Puts one into a queue and waits for its result. */
  queued(): Promise<Answer>;
  close(): Promise<void>;
}

const QUEUE = 'bench';
const STEPS = 3;
// What the platform's worker has, so that neither is short of room.
const SLOTS = 32;
const POOL = 20;
// A tenth of its default, for the queue and for its results: at the default of 1 s little but the waiting is measured.
const POLL_MS = 100;

export interface PeerPlace {
  /** A database of the cluster that is there already. */
  readonly adminUrl: string;
  readonly name: string;
  readonly url: string;
}

export async function startPeer(place: PeerPlace): Promise<Peer> {
  const admin = new pg.Client({ connectionString: place.adminUrl });
  await admin.connect();
  await admin.query(`create database ${place.name}`);
  await admin.end();
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: place.url,
    systemDatabasePoolSize: POOL,
    logLevel: 'error',
    enableOTLP: false,
  });
  const workflow = DBOS.registerWorkflow(
    async () => {
      for (let i = 0; i < STEPS; i += 1) await DBOS.runStep(async () => i, { name: `step ${i}` });
      return { steps: STEPS };
    },
    { name: 'empty' },
  );
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { workerConcurrency: SLOTS, minPollingIntervalMs: POLL_MS });
  return {
    direct: () => timed(() => DBOS.startWorkflow(workflow)()),
    queued: () => timed(() => DBOS.startWorkflow(workflow, { queueName: QUEUE })()),
    close: () => DBOS.shutdown(),
  };
}

async function timed(start: () => Promise<WorkflowHandle<{ steps: number }>>): Promise<Answer> {
  const began = performance.now();
  const handle = await start();
  const result = await handle.getResult({ pollingIntervalMs: POLL_MS });
  return { status: 200, body: JSON.stringify(result), ms: performance.now() - began };
}
