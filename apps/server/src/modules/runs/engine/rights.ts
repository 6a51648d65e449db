/**
 * A run does what it does with the rights of whoever started it, looked at whenever it does something new. Where they are lost the run
 * waits, until somebody who may run agents answers for the rest of it; nothing is begun meanwhile.
 */
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { askApproval, listAnswerers, rightsKey } from '../store/steps.ts';
import type { ApprovalRow } from '../types.ts';
import type { Attempt } from './attempt.ts';
import { Interrupted, LostRun } from './signals.ts';

const RIGHT = 'runs:write';

const has = (deps: RunsDeps, { run }: Attempt, actorId: string): Promise<boolean> =>
  deps.rights.has(run.org_id, actorId, RIGHT);

/** Resolves when the run may begin something; else it waits, or ends. Call it for what is not on record, outside of a step. */
export async function assertRights(deps: RunsDeps, attempt: Attempt): Promise<void> {
  const open = await attempt.active(() => attempt.own(() => findOpenQuestion(deps, attempt)));
  if (!open) return;
  if (open.decision === null || open.decision === 'approve')
    return attempt.wait({ waitingFor: 'review', dueAt: open.expires_at });
  attempt.abort.abort(new Interrupted('denied'));
  throw attempt.abort.signal.reason;
}

/** Inside of a step, which cannot wait: this attempt ends, and the next one asks before it begins the step again. */
export async function assertRightsWithin(deps: RunsDeps, attempt: Attempt): Promise<void> {
  if (await attempt.own(() => isAnsweredFor(deps, attempt))) return;
  attempt.abort.abort(new Interrupted('rights'));
  throw attempt.abort.signal.reason;
}

const answerersOf = (deps: RunsDeps, { run }: Attempt) =>
  deps.db.tenant(run.org_id, (tx) => listAnswerers(tx, { id: run.id, rootRunId: run.root_run_id }));

async function isAnsweredFor(deps: RunsDeps, attempt: Attempt): Promise<boolean> {
  if (await has(deps, attempt, attempt.run.key_id)) return true;
  for (const { by } of await answerersOf(deps, attempt)) if (await has(deps, attempt, by)) return true;
  return false;
}

/** Undefined where somebody answers for the run. */
async function findOpenQuestion(deps: RunsDeps, attempt: Attempt): Promise<ApprovalRow | undefined> {
  if (await isAnsweredFor(deps, attempt)) return undefined;
  const { run } = attempt;
  const id = deps.ids.make('apr');
  const asked = (await answerersOf(deps, attempt)).filter(({ isOwn }) => isOwn).length;
  const question = await deps.db.tenant(run.org_id, async (tx) => {
    const made = await askApproval(tx, attempt.owned, {
      id,
      stepKey: rightsKey(asked),
      kind: 'review',
      title: runErrors.rightsLost.title,
      details: { code: runErrors.rightsLost.code, question: 'approve: answer for the rest of it; reject: end the run' },
    });
    if (made?.id === id)
      await deps.audit.append(tx, {
        orgId: run.org_id,
        actorType: run.key_id.startsWith('mbr_') ? 'member' : 'key',
        actorId: run.key_id,
        action: 'run.denied',
        targetType: 'run',
        targetId: run.id,
        requestId: run.request_id,
      });
    return made;
  });
  if (!question) throw new LostRun();
  deps.bus.publish('run', run.id);
  return question;
}
