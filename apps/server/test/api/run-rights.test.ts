/** A run acts with the rights that its starter has at that moment, not with those of the platform or of when it began. */
import { AgentError, defineAgent, type RunContext } from '@guildhall/agent-sdk';
import type { Run } from '@guildhall/contract';
import { generateText } from 'ai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verifyBooks } from '../../src/cli/books.ts';
import { createRights } from '../../src/modules/identity/rights.ts';
import type { Db } from '../../src/platform/db/index.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import type { TestPerson } from '../harness/people.ts';
import { asAgents, type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { asOwner, type Staff, staffed, until } from './members-fixture.ts';
import { meeting } from './runs-fixture.ts';
import { form } from './world.ts';

type Act = (ctx: RunContext, at: Moment) => Promise<unknown>;

/** Where a run stands still until the test lets it go on. */
interface Moment {
  readonly reached: Promise<void>;
  readonly passed: Promise<void>;
  reach(): void;
  pass(): void;
  /** How often the deed was done. */
  deeds: number;
}

let script: (ctx: RunContext) => Promise<unknown>;
let file = '';
/** Of the key that was made last. */
let keyId = '';
/** Somebody answered for the run: from then on nothing fails. */
let isAnswered = false;
const actor = defineAgent({
  version: '1.0.0',
  id: 'actor',
  title: 'Actor',
  summary: 'Does what the test says.',
  description: 'Does what the test says.',
  category: 'test',
  needsModel: false,
  limits: { timeoutMs: 60_000, stepsMax: 50 },
  examples: [],
  input: z.strictObject({}),
  output: z.unknown(),
  plannedCalls: () => [{ agent: 'keeper', timesMax: 1, input: { say: 'called' } }],
  plannedModelUse: () => ({ inputTokensMax: 2_000, outputTokensMax: 2_000 }),
  run: async (ctx) => {
    await script(ctx);
    return 'done';
  },
});

let platform: TestPlatform;
let mock: MockProvider;
beforeAll(async () => {
  mock = await startMockProvider();
  const environment = {
    OPENAI_API_KEY: 'sk-0123456789abcdef',
    OPENAI_BASE_URL: `${mock.url}/v1`,
    EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
  };
  platform = await testPlatform({ agents: asAgents(actor, keeper), environment });
});
afterAll(async () => {
  await platform.close();
  await mock.close();
});

let staff: Staff;
let developer: TestPerson;
beforeEach(async () => {
  staff = await staffed(platform);
  developer = await staff.hire('developer');
});

function newMoment(): Moment {
  const [at, on] = [meeting(), meeting()];
  return { reached: at.arrived, passed: on.arrived, reach: () => at.arrive(), pass: () => on.arrive(), deeds: 0 };
}

const runOf = async (id: string): Promise<Run> => (await staff.owner.call<Run>('GET', `/v1/runs/${id}`)).body;
const untilRun = (id: string, is: (run: Run) => boolean) => until('the run', async () => is(await runOf(id)));
const hears = (actorId: string) =>
  until('heard', async () => {
    const { rights } = platform.server.platform.identity;
    return !(await rights.has(staff.orgId, actorId, 'runs:write'));
  });

const start = async (begin: () => Promise<Reply<Run>>): Promise<string> => {
  const begun = await begin();
  if (begun.status !== 202) throw new Error(`${begun.status} ${JSON.stringify(begun.body)}`);
  return begun.body.id;
};
const startAs = (person: TestPerson) => start(() => person.call<Run>('POST', '/v1/agents/actor/runs', { input: {} }));

const demote = async (member: TestPerson): Promise<void> => {
  const path = `/v1/organisation/members/${member.memberId}`;
  expect((await staff.owner.call('PUT', path, { role: 'viewer' })).status).toBe(200);
  await hears(member.memberId);
};

interface Question {
  readonly id: string;
  readonly step_key: string;
  readonly details: { readonly code: string };
}
const questions = (run: string) =>
  asOwner<Question>(platform, 'select id, step_key, details from runs.approval where run_id = $1 order by created_at', [
    run,
  ]);
const decide = async (by: TestPerson, run: string, decision: 'approve' | 'reject'): Promise<void> => {
  const open = (await questions(run)).at(-1);
  const answered = await by.call('POST', `/v1/runs/${run}/approvals/${open?.id}`, { decision });
  expect([answered.status, open?.details.code]).toEqual([200, 'runs.rights-lost']);
};

const expectPaused = async (run: string): Promise<void> => {
  await untilRun(run, ({ status }) => status === 'waiting');
  expect((await runOf(run)).waitingFor).toBe('review');
};

/** One hold of the run itself, settled once; the books agree. */
const expectSettled = async (run: string): Promise<void> => {
  const holds = await asOwner(platform, 'select state from ledger.hold where org_id = $1 and run_id = $2', [
    staff.orgId,
    run,
  ]);
  expect(holds).toEqual([{ state: 'settled' }]);
  const { foundation, platform: parts } = platform.server;
  expect(await verifyBooks({ foundation, platform: parts })).toEqual([]);
  const balance = await staff.owner.call<{ held: { nanos: string } }>('GET', '/v1/balance');
  expect(balance.body.held.nanos).toBe('0');
};

const asked = (path: string): number => mock.requests().filter((request) => request.path.endsWith(path)).length;

/** What a run can do, each done once where it is allowed. `within`: the step has begun when the right is lost. */
const ACTS: Readonly<Record<string, { readonly act: Act; readonly within?: true }>> = {
  'a step': {
    act: (ctx, at) =>
      ctx.step('act', async () => {
        at.deeds += 1;
        return null;
      }),
  },
  'a file': {
    act: async (ctx, at) => {
      await ctx.file({ file });
      at.deeds += 1;
    },
  },
  'a model': {
    act: async (ctx, at) => {
      const before = asked('/chat/completions');
      await generateText({ model: ctx.model('act'), prompt: 'Say something.', maxOutputTokens: 50, maxRetries: 0 });
      at.deeds += asked('/chat/completions') - before;
    },
  },
  'another agent': {
    act: async (ctx, at) => {
      const called = await ctx.call('keeper', { say: 'called' });
      if (called.status === 'succeeded') at.deeds += 1;
    },
  },
  'a request to the outside': {
    within: true,
    act: (ctx, at) =>
      ctx.step('act', async (step) => {
        at.reach();
        await at.passed;
        await step.fetch(`${mock.url}/v1/models`);
        at.deeds += 1;
        return null;
      }),
  },
  'a further try of a step': {
    within: true,
    act: (ctx, at) => {
      let tries = 0;
      const retry = { attemptsMax: 5, firstDelayMs: 1, delayMaxMs: 1 };
      const once = async () => {
        tries += 1;
        at.reach();
        await at.passed;
        // The first try of the first attempt alone.
        if (tries === 1 && at.deeds === 0 && !isAnswered)
          throw new AgentError('again', 'Once more.', { retryable: true });
        at.deeds += 1;
        return null;
      };
      return ctx.step('act', once, { retry });
    },
  },
};

describe('a run whose starter loses the right while it is going on', () => {
  it.each(Object.entries(ACTS))(
    'does not begin %s, waits, and goes on when somebody answers for it',
    async (_, { act, within }) => {
      const at = newMoment();
      isAnswered = false;
      const uploaded = await fetch(`${platform.url}/v1/files`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await keyOf(staff.owner)}` },
        body: form('content'),
      });
      file = String(((await uploaded.json()) as { id: string }).id);
      script = async (ctx) => {
        await ctx.step('before', async () => null);
        if (!within) {
          at.reach();
          await at.passed;
        }
        await act(ctx, at);
      };
      const run = await startAs(developer);
      await at.reached;
      await demote(developer);
      at.pass();
      await expectPaused(run);
      expect([at.deeds, (await questions(run)).length]).toEqual([0, 1]);
      const open = (await questions(run))[0];
      const own = await developer.call('POST', `/v1/runs/${run}/approvals/${open?.id}`, { decision: 'approve' });
      expect(own.status).toBe(403);
      isAnswered = true;
      await decide(staff.owner, run, 'approve');
      await untilRun(run, ({ status }) => status === 'succeeded');
      expect([at.deeds, (await questions(run)).length]).toEqual([1, 1]);
      await expectSettled(run);
      const trail = await asOwner(
        platform,
        `select actor_id from audit.event where org_id = $1 and action = 'run.denied' and target_id = $2`,
        [staff.orgId, run],
      );
      expect(trail).toEqual([{ actor_id: developer.memberId }]);
    },
  );

  it('ends as cancelled when nobody answers for it, with a code that says why, and is settled once', async () => {
    const at = newMoment();
    script = async (ctx) => {
      at.reach();
      await at.passed;
      // What an agent makes of a refusal does not matter.
      await ctx.step('act', async () => null).catch(() => null);
    };
    const run = await startAs(developer);
    await at.reached;
    await demote(developer);
    at.pass();
    await expectPaused(run);
    await decide(staff.owner, run, 'reject');
    await untilRun(run, ({ status }) => status === 'cancelled');
    expect(await runOf(run)).toMatchObject({ error: { code: 'runs.rights-lost', status: 403 }, cost: { nanos: '0' } });
    await expectSettled(run);
  });

  it('asks again when whoever answered for it loses the right as well', async () => {
    const [first, second] = [newMoment(), newMoment()];
    script = async (ctx) => {
      for (const [index, at] of [first, second].entries()) {
        at.reach();
        await at.passed;
        await ctx.step(`act ${index}`, async () => null);
      }
    };
    const admin = await staff.hire('admin');
    const run = await startAs(developer);
    await first.reached;
    await demote(developer);
    first.pass();
    await expectPaused(run);
    await decide(admin, run, 'approve');
    await second.reached;
    await demote(admin);
    second.pass();
    await expectPaused(run);
    expect((await questions(run)).map(({ step_key: key }) => key)).toEqual(['rights!0', 'rights!1']);
    await decide(staff.owner, run, 'approve');
    await untilRun(run, ({ status }) => status === 'succeeded');
    await expectSettled(run);
  });
});

async function keyOf(person: TestPerson): Promise<string> {
  const body = { name: 'K', scopes: ['runs:read', 'runs:write', 'files:write'], mode: 'live' };
  const made = await person.call('POST', '/v1/keys', body);
  keyId = String(made.body.id);
  return String(made.body.secret);
}

describe('the right is lost', () => {
  /** Each takes it from who started the run, and says who that was. */
  const WAYS: Readonly<Record<string, (start: (key?: string) => Promise<void>) => Promise<string>>> = {
    'with the membership': async (begin) => {
      await begin();
      await staff.owner.call('DELETE', `/v1/organisation/members/${developer.memberId}`);
      return developer.memberId;
    },
    'with the account of the person': async (begin) => {
      await begin();
      await platform.call('PUT', `/v1/operator/people/${developer.personId}`, { isDisabled: true });
      return developer.memberId;
    },
    'with the key': async (begin) => {
      await begin(await keyOf(staff.owner));
      expect((await staff.owner.call('DELETE', `/v1/keys/${keyId}`)).status).toBe(204);
      return keyId;
    },
    'with the role of the member whose key it is': async (begin) => {
      const admin = await staff.hire('admin');
      const key = await keyOf(admin);
      const id = keyId;
      await begin(key);
      await demote(admin);
      return id;
    },
  };
  it.each(Object.entries(WAYS))('%s', async (_, lose) => {
    const at = newMoment();
    script = async (ctx) => {
      at.reach();
      await at.passed;
      await ctx.step('act', async () => {
        at.deeds += 1;
        return null;
      });
    };
    let run = '';
    const lost = await lose(async (key) => {
      run = key
        ? await start(() => platform.call<Run>('POST', '/v1/agents/actor/runs', { input: {} }, { key }))
        : await startAs(developer);
      await at.reached;
    });
    await hears(lost);
    at.pass();
    await expectPaused(run);
    expect(at.deeds).toBe(0);
  });

  it('not with a key that another one took the place of: what it began goes on', async () => {
    const at = newMoment();
    script = async (ctx) => {
      at.reach();
      await at.passed;
      await ctx.step('act', async () => null);
    };
    const key = await keyOf(staff.owner);
    const run = await start(() => platform.call<Run>('POST', '/v1/agents/actor/runs', { input: {} }, { key }));
    await at.reached;
    const rotated = await staff.owner.call('POST', `/v1/keys/${keyId}/rotate`, { overlapSeconds: 0 });
    expect(rotated.status).toBe(201);
    at.pass();
    await untilRun(run, ({ status }) => status === 'succeeded');
  });

  it('with the organisation: what is going on in a deleted one does nothing more, and is cancelled and settled', async () => {
    const at = newMoment();
    script = async (ctx) => {
      at.reach();
      await at.passed;
      await ctx.step('act', async () => {
        at.deeds += 1;
        return null;
      });
    };
    const run = await startAs(developer);
    await at.reached;
    expect((await staff.owner.call('DELETE', `/v1/me/organisations/${staff.orgId}`)).status).toBe(200);
    await hears(developer.memberId);
    at.pass();
    const status = async () =>
      (await asOwner<{ status: string }>(platform, 'select status from runs.run where id = $1', [run]))[0]?.status;
    await until('cancelled', async () => (await status()) === 'cancelled');
    expect((await staff.owner.call('POST', `/v1/me/organisations/${staff.orgId}/restore`)).status).toBe(204);
    await until('back', async () => (await staff.owner.call('GET', '/v1/balance')).status === 200);
    expect(at.deeds).toBe(0);
    await expectSettled(run);
  });
});

describe('looking at the right', () => {
  it('costs a run no round trip: the database is asked again when a change is announced', async () => {
    let lookUps = 0;
    const { db, clock } = platform.server.foundation;
    const counting: Db = {
      ...db,
      system: (work) => {
        lookUps += 1;
        return db.system(work);
      },
    };
    const rights = createRights({ db: counting, clock, log: { warn: () => {} } });
    const stop = await rights.start();
    const has = () => rights.has(staff.orgId, developer.memberId, 'runs:write');
    for (let n = 0; n < 10; n += 1) expect(await has()).toBe(true);
    expect(lookUps).toBeLessThanOrEqual(2);
    await demote(developer);
    await until('forgotten', async () => !(await has()));
    expect(lookUps).toBeLessThan(4);
    await stop();
    expect(await has()).toBe(false);
  });
});
