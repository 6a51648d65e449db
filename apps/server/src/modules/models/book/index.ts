/** The books of calls: their holds, settlements, usage and history. */
export { type BookDeps, createCallBook } from './book.ts';
export { costsByCall, eraseStatement, sweepOne } from './store.ts';
export type { CacheHit, CallBook, CallEnd, CallHold, CallRoom, NewCall } from './types.ts';
