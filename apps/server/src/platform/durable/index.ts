/** Durable work: a queue in PostgreSQL with leases, fences, caps per tenant, timers and signals. It knows ids, never payloads. */
export { type Durable, type NewTask, createDurable } from './durable.ts';
export { type Claimed, type Outcome, type Worker, type WorkerOptions, createWorker } from './worker.ts';
