import { describe, expect, test } from 'vitest';
import { checkGraph, inputSchema, plannedCalls } from './index.ts';

type Loose = Record<string, unknown>;

function faults(steps: readonly Loose[], more: Loose = {}): readonly string[] {
  const parsed = inputSchema.safeParse({ steps, ...more });
  if (!parsed.success) return parsed.error.issues.map((issue) => `/${issue.path.join('/')} ${issue.message}`);
  return checkGraph(parsed.data).map((fault) => `${fault.path} ${fault.message}`);
}

const plain = (id: string, needs: readonly string[] = [], more: Loose = {}): Loose => ({
  id,
  kind: 'transform',
  value: 1,
  needs,
  ...more,
});
const decision = (id: string, needs: readonly string[] = []): Loose => ({
  id,
  kind: 'condition',
  needs,
  branches: [{ name: 'yes', when: 'true' }],
  otherwise: 'no',
});
const mark = (expression: string): string => `\${{ ${expression} }}`;

describe('the rules of a graph', () => {
  test('a sound graph has no fault', () => {
    expect(
      faults([
        plain('a'),
        decision('b', ['a']),
        plain('c', ['b:yes']),
        plain('d', ['b:no']),
        plain('e', ['c', 'd'], { join: 'any' }),
      ]),
    ).toEqual([]);
  });

  test('a cycle is named step by step', () => {
    expect(faults([plain('z'), plain('a', ['c']), plain('b', ['a']), plain('c', ['b', 'z'])])).toEqual([
      '/steps/1/needs the steps need each other in a cycle: a → c → b → a',
    ]);
  });

  test('a cycle through 200 steps is found', () => {
    const steps = Array.from({ length: 200 }, (_, index) => plain(`s${index}`, [`s${(index + 1) % 200}`]));
    expect(faults(steps)[0]).toMatch(/cycle: s0 → s1 → .* → s199 → s0$/);
  });

  test.each<[string, readonly Loose[], string]>([
    ['a step that needs itself', [plain('a', ['a'])], '/steps/0/needs/0 step "a" needs itself'],
    ['an unknown need', [plain('a', ['b'])], '/steps/0/needs/0 there is no step "b"'],
    ['a duplicate id', [plain('a'), plain('b'), plain('a')], '/steps/2/id "a" is already the id of step 1'],
    ['a need listed twice', [plain('a'), plain('b', ['a', 'a'])], '/steps/1/needs a need is listed twice'],
    [
      'an unknown branch',
      [decision('a'), plain('b', ['a:maybe'])],
      '/steps/1/needs/0 "a" has no branch "maybe"; it has yes, no',
    ],
    [
      'a branch of a step without branches',
      [plain('a'), plain('b', ['a:yes'])],
      '/steps/1/needs/0 "a" has no branches',
    ],
    [
      'a branch of an approval that fails instead',
      [{ id: 'a', kind: 'approval', request: 'ok?' }, plain('b', ['a:reject'])],
      '/steps/1/needs/0 "a" has no branches (set its whenRejected to "branch")',
    ],
    [
      'a join that can never hold',
      [plain('a'), plain('b', ['a'], { join: { atLeast: 2 } })],
      '/steps/1/join at least 2 needs must hold, but only 1 are listed',
    ],
    [
      'two branches of one name',
      [{ ...decision('a'), otherwise: 'yes' }],
      '/steps/0/branches two branches have the same name',
    ],
    ['a wait without a time', [{ id: 'a', kind: 'wait' }], '/steps/0 give either durationMs or until'],
    [
      'a repeated request that must be sent once',
      [{ id: 'a', kind: 'http', method: 'POST', url: 'https://a.example', retry: { attemptsMax: 2 } }],
      '/steps/0/retry a POST with effect "once" is never sent again; declare effect "idempotent" if it may be',
    ],
    [
      'an unknown step in an expression',
      [plain('a', [], { value: { x: [mark('steps.b.output')] } })],
      '/steps/0/value/x/0 there is no step "b" (column 2)',
    ],
    [
      'a step that is read but not needed',
      [plain('a'), plain('b', [], { value: mark('steps.a.output') })],
      '/steps/1/value step "b" reads "a" but does not come after it; add it to needs (column 2)',
    ],
    [
      'a computed step',
      [plain('a', [], { value: mark('steps[data.x].output') })],
      '/steps/0/value name the step: steps.<id> (column 2)',
    ],
    [
      'all steps at once',
      [plain('a', [], { value: mark('keys(steps)') })],
      '/steps/0/value name the step: steps.<id> (column 7)',
    ],
    [
      'an unknown field of a step',
      [plain('a'), plain('b', ['a'], { value: mark('steps.a.result') })],
      '/steps/1/value a step has no "result"; it has status, output, branch, error, attempts, cost (column 2)',
    ],
    [
      'a bad expression in a branch',
      [{ ...decision('a'), branches: [{ name: 'yes', when: '1 +' }] }],
      '/steps/0/branches/0/when expected a value, found the end (column 4): 1 +',
    ],
  ])('%s is refused with its place', (_what, steps, expected) => {
    expect(faults(steps)).toContain(expected);
  });

  test('every fault is listed at once', () => {
    expect(faults([plain('a', ['x']), plain('b', ['y'], { value: mark('1 +') })])).toHaveLength(3);
  });

  test('a step that no outcome can start is named, and a join of any can be started', () => {
    const both = ['c', 'd'];
    const steps = [decision('b'), plain('c', ['b:yes']), plain('d', ['b:no'])];
    expect(faults([...steps, plain('e', both), plain('f', ['e'])])).toEqual([
      '/steps/3/needs it can never start: it needs both "b:yes" and "b:no"; use join "any"',
    ]);
    expect(faults([...steps, plain('e', both, { join: 'any' }), plain('f', ['e', 'b:no'])])).toEqual([]);
    expect(faults([...steps, plain('e', ['b:yes', 'b:no'])])[0]).toMatch(/never start/);
  });

  test('the output may read every step, a compensation its own step', () => {
    const undo = [{ kind: 'http', method: 'DELETE', url: `https://a.example/${mark('steps.a.output.id')}` }];
    expect(faults([plain('a', [], { compensate: undo }), plain('b')], { output: mark('steps.b.output') })).toEqual([]);
    expect(faults([plain('a', [], { compensate: undo }), plain('b', [], { compensate: undo })])).toHaveLength(1);
  });

  test('more records than a run may keep are refused before it starts', () => {
    const retry = { attemptsMax: 10 };
    const steps = Array.from({ length: 200 }, (_, index) => ({
      id: `s${index}`,
      kind: 'agent',
      agent: 'echo',
      input: null,
      retry,
      compensate: [{ kind: 'agent', agent: 'echo', input: null, retry }],
    }));
    expect(faults(steps)[0]).toMatch(/16002 recorded steps, at most are 10000/);
  });
});

describe('a hostile graph', () => {
  test('of 10,000 steps is refused quickly', () => {
    const steps = Array.from({ length: 10_000 }, (_, index) =>
      plain(`s${index}`, index === 0 ? [] : [`s${index - 1}`]),
    );
    const started = process.hrtime.bigint();
    expect(faults(steps)[0]).toMatch(/\/steps /);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000);
  });

  test('of 200 steps that need each 50 before them is checked quickly', () => {
    const steps = Array.from({ length: 200 }, (_, index) =>
      plain(
        `s${index}`,
        Array.from({ length: Math.min(index, 50) }, (__, back) => `s${index - 1 - back}`),
      ),
    );
    const started = process.hrtime.bigint();
    expect(faults(steps)).toEqual([]);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500);
  });

  test('with JSON nested 100,000 deep is refused without overflowing the stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(faults([plain('a', [], { value: deep })])).toEqual([
      '/steps/0/value must be JSON of at most 100,000 parts, nested at most 60 deep',
    ]);
    expect(faults([plain('a')], { data: deep })).toHaveLength(1);
  });

  test('may nest its data 60 deep and no deeper', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(faults([plain('a')], { data: nested(60) })).toEqual([]);
    expect(faults([plain('a')], { data: nested(61) })).toHaveLength(1);
  });

  test('with thousands of expressions is refused', () => {
    const value = Array.from({ length: 3_000 }, () => mark('data.x'));
    expect(faults([plain('a', [], { value }), plain('b')])).toContain(
      '/steps the graph has more than 2000 expressions',
    );
  });

  test.each(['__proto__', 'a b', '', '1a', 'a.b', 'a:b', 'x'.repeat(64)])('with the id %j is refused', (id) => {
    expect(faults([plain(id)])[0]).toMatch(/\/steps\/0\/id/);
  });

  test('whose ids are names of object prototypes is an ordinary graph', () => {
    const steps = [
      plain('constructor'),
      plain('toString', ['constructor'], { value: mark('steps.constructor.output') }),
    ];
    expect(faults(steps)).toEqual([]);
    expect(faults([plain('a', ['hasOwnProperty'])])).toEqual(['/steps/0/needs/0 there is no step "hasOwnProperty"']);
  });

  test('with unknown fields is refused', () => {
    expect(faults([plain('a', [], { code: 'x' })])[0]).toMatch(/Unrecognized key/);
    expect(faults([plain('a')], { eval: 'x' })[0]).toMatch(/Unrecognized key/);
  });
});

describe('planned calls', () => {
  const call = (id: string, more: Loose = {}): Loose => ({ id, kind: 'agent', agent: 'echo', input: null, ...more });
  const planned = (...steps: Loose[]) => plannedCalls(inputSchema.parse({ steps }));

  test('are one for each step and compensation with its place, whatever its attempts', () => {
    const compensate = [{ kind: 'agent', agent: 'undo', input: null }];
    expect(
      planned(plain('a'), call('b', { retry: { attemptsMax: 5 } }), call('c', { tier: 'elite', compensate })),
    ).toEqual([
      { agent: 'echo', timesMax: 1, at: '/steps/1', input: null },
      { agent: 'echo', timesMax: 1, at: '/steps/2', input: null, tier: 'elite' },
      { agent: 'undo', timesMax: 1, at: '/steps/2/compensate/0', input: null },
    ]);
  });

  test('hold the input as the agent will get it, and none where it is computed', () => {
    const [literal, computed] = planned(
      call('a', { input: { graph: ['$${{ steps.x.output }}'] } }),
      call('b', { input: { graph: ['${{ data.x }}'] } }),
    );
    expect(literal).toMatchObject({ input: { graph: ['${{ steps.x.output }}'] } });
    expect(computed).not.toHaveProperty('input');
  });

  test('hold what the step may cost at most', () => {
    const maxCost = { nanos: '120', currency: 'USD' };
    expect(planned(call('a', { maxCost }))).toMatchObject([{ maxNanos: 120n }]);
  });
});
