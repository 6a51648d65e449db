/** A worker that is stopped past its lease and comes back: what it still does changes nothing. */
import { expect, it } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { startProcess } from './processes.ts';
import { openStage, until } from './stage.ts';

const RECORD = `select r.id, md5(concat(to_jsonb(r)::text, (select jsonb_agg(to_jsonb(s) order by s.index) from runs.step s where s.run_id = r.id)::text,
    (select jsonb_agg(to_jsonb(e) order by e.seq) from runs.event e where e.run_id = r.id)::text)) as record,
    (select count(*)::int from metering.usage u where u.run_id = r.id) as bills
  from runs.run r where r.finished_at is not null order by r.id`;

it('a worker that wakes after its lease was taken writes nothing, bills nothing, and goes on under a new id', async () => {
  const stage = await openStage(await testDatabase());
  try {
    const frozen = await startProcess({ role: 'worker', ground: stage.ground });
    const plan = ['none', 'idempotent', 'none', 'idempotent', 'none'];
    for (let i = 0; i < 4; i += 1) await stage.start('counting', { plan, pauseMs: 250 });
    await until(
      'a first step on record',
      10_000,
      async () => (await stage.query('select 1 from runs.step')).length > 0,
    );
    frozen.signal('SIGSTOP');
    const [before] = await stage.query<{ id: string }>('select id from durable.worker where pid = $1', [frozen.pid]);

    const other = await stage.another('worker');
    await stage.untilAllEnded(20_000);
    const ended = await stage.query<{ id: string; record: string; bills: number }>(RECORD);
    expect(ended.map(({ bills }) => bills)).toEqual([1, 1, 1, 1]);

    frozen.signal('SIGCONT');
    await until('the woken worker registers anew', 5_000, async () => {
      const now = await stage.query<{ id: string }>(
        'select id from durable.worker where pid = $1 and ended_at is null',
        [frozen.pid],
      );
      return now.length === 1 && now[0]?.id !== before?.id;
    });
    await other.stop();
    // It works on: alone now, it brings a new run to its end, after everything it still had under way.
    const reply = await stage.start('counting', { plan: ['idempotent'] });
    await stage.untilAllEnded(10_000);
    expect(reply?.status).toBe(202);
    const later = await stage.query<{ id: string; record: string; bills: number }>(RECORD);
    expect(later.filter(({ id }) => ended.some((run) => run.id === id))).toEqual(ended);
    await until(
      'the outbox is empty',
      5_000,
      async () => (await stage.query('select 1 from platform.outbox')).length === 0,
    );
    expect(await findViolations(stage)).toEqual([]);
    expect(frozen.isAlive()).toBe(true);
    await frozen.kill();
  } finally {
    await stage.close();
  }
}, 60_000);
