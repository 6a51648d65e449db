/** Durable work: a queue in PostgreSQL with leases, fences, caps per tenant, timers and signals. It knows ids, never payloads. */
export { createDurable, DURABLE_VERSION, type Durable, type NewTask } from './durable.ts';
export { type Claimed, createWorker, type Outcome, type Worker, type WorkerOptions } from './worker.ts';
