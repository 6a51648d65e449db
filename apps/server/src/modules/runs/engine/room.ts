/** What a run may still spend on what it calls. */
import { toMoney } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { budgetErrors } from '../errors.ts';
import { heldByChildren } from '../store/runs.ts';
import type { RunRow } from '../types.ts';

/** A run keeps its own price free: what it calls may take the rest of its hold and no more. The run's row is locked. */
export async function roomOf(deps: Pick<RunsDeps, 'models'>, tx: Tx, run: RunRow): Promise<bigint> {
  const held = (await heldByChildren(tx, run.id)) + (await deps.models.runCalls.held(tx, run.id));
  return run.hold_nanos - run.base_nanos - run.called_nanos - held;
}

/** @throws `budget.max-cost-reached` */
export async function assertRoom(deps: RunsDeps, tx: Tx, run: RunRow, neededNanos: bigint): Promise<void> {
  const room = await roomOf(deps, tx, run);
  if (neededNanos <= room) return;
  const members = { required: toMoney(neededNanos), available: toMoney(room < 0n ? 0n : room) };
  throw new GuildhallError(budgetErrors.maxCostReached, { members });
}
