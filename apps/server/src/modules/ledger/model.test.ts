import { expect, test } from 'vitest';
import { type Books, ORG_A, openBooks } from './fixture.ts';

/** A ledger small enough to be right at a glance: plain numbers, recomputed from the tree of holds each time they are asked for. */
interface Node {
  readonly id: string;
  readonly amount: number;
  readonly agent: string;
  readonly parent: Node | undefined;
  readonly children: Node[];
  open: boolean;
  own: number;
}

const AGENTS = ['alpha', 'beta', 'gamma'];
const LIMITS: readonly (readonly [type: 'organisation' | 'agent', id: string, limit: number])[] = [
  ['organisation', ORG_A, 4_000],
  ['agent', 'alpha', 2_500],
  ['agent', 'beta', 600],
];

const total = (node: Node): number => node.own + node.children.reduce((sum, child) => sum + total(child), 0);
const free = (node: Node): number =>
  node.open
    ? node.amount - node.children.reduce((sum, child) => sum + (child.open ? child.amount : total(child)), 0)
    : 0;
const rest = (node: Node): number => node.amount - total(node);
const ancestors = (node: Node | undefined): Node[] => (node ? [node, ...ancestors(node.parent)] : []);
const covers = (node: Node): boolean => !ancestors(node.parent).some((above) => above.agent === node.agent);

class Model {
  granted = 0;
  readonly nodes: Node[] = [];
  held = () => this.#sum(this.nodes.filter((node) => node.open && !node.parent).map(rest));
  spent = () => this.#sum(this.nodes.map((node) => node.own));
  available = () => this.granted - this.held() - this.spent();
  #sum = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0);

  /** What a budget has counted. */
  used(type: string, id: string): number {
    if (type === 'organisation') return this.held() + this.spent();
    const own = this.nodes.filter((node) => node.agent === id);
    return (
      this.#sum(own.map((node) => node.own)) + this.#sum(own.filter((node) => node.open && covers(node)).map(rest))
    );
  }

  refusal(amount: number, agent: string, parent: Node | undefined): string | undefined {
    if (!parent && amount > this.available()) return 'balance';
    if (parent && amount > free(parent)) return 'parent';
    const covered = ancestors(parent).some((above) => above.agent === agent);
    const bound = LIMITS.filter(([type, id]) => (type === 'organisation' ? !parent : id === agent && !covered));
    return bound.some(([type, id, limit]) => this.used(type, id) + amount > limit) ? 'budget' : undefined;
  }

  /** What ending a hold charges; closes what is open beneath it. */
  end(node: Node, cost: number): number {
    const close = (child: Node) => {
      child.open = false;
      child.children.forEach(close);
    };
    node.children.forEach(close);
    node.own = Math.min(cost, free(node));
    node.open = false;
    return node.own;
  }
}

/** Small, fast, and the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

async function takeOne(books: Books, model: Model, random: (below: number) => number, step: number): Promise<void> {
  const id = `hold_${step}`;
  const agent = AGENTS[random(AGENTS.length)] as string;
  const openNodes = model.nodes.filter((node) => node.open);
  const parent = random(3) > 0 && openNodes.length > 0 ? openNodes[random(openNodes.length)] : undefined;
  const amount = random(parent ? 200 : 700);
  const refusal = model.refusal(amount, agent, parent);
  const answer = await books.hold(id, BigInt(amount), {
    parentHoldId: parent?.id,
    scopes: { keyId: 'key_1', agentId: agent },
  });
  expect(answer.ok ? undefined : answer.reason, `step ${step}`).toBe(refusal);
  if (refusal) return;
  const node: Node = { id, amount, agent, parent, children: [], open: true, own: 0 };
  parent?.children.push(node);
  model.nodes.push(node);
}

async function endOne(books: Books, model: Model, random: (below: number) => number): Promise<void> {
  const openNodes = model.nodes.filter((node) => node.open);
  const node = openNodes[random(openNodes.length)];
  if (!node) return;
  if (random(4) === 0) {
    await books.release(node.id);
    model.end(node, 0);
  } else {
    const cost = random(node.amount + 20);
    expect(await books.settle(node.id, BigInt(cost))).toBe(BigInt(model.end(node, cost)));
  }
}

async function reverseOne(books: Books, model: Model, random: (below: number) => number): Promise<void> {
  const node = model.nodes[random(model.nodes.length)];
  if (!node) return;
  const withDescendants = random(2) === 0;
  const below = (from: Node): Node[] => [from, ...from.children.flatMap(below)];
  const given = withDescendants ? below(node) : [node];
  const sum = given.reduce((total, one) => total + one.own, 0);
  for (const one of given) one.own = 0;
  const answer = await books.asA((tx) =>
    books.ledger.reverseCharge(tx, { holdId: node.id, reason: 'random', withDescendants }),
  );
  expect(answer.reversedNanos).toBe(BigInt(sum));
}

test.each([1, 2, 3])('a random history (seed %i) agrees with a small model after every step', async (seed) => {
  const books = await openBooks();
  const random = randomFrom(seed);
  const model = new Model();
  for (const [type, id, limit] of LIMITS) {
    await books.asA((tx) =>
      books.ledger.putBudget(tx, {
        orgId: ORG_A,
        scope: { type, id },
        period: 'total',
        limitNanos: BigInt(limit),
        hard: true,
      }),
    );
  }
  for (let step = 0; step < 150; step += 1) {
    const dice = random(20);
    if (dice === 0) {
      await books.grant(500n);
      model.granted += 500;
    } else if (dice < 11) await takeOne(books, model, random, step);
    else if (dice < 18) await endOne(books, model, random);
    else await reverseOne(books, model, random);
    const now = await books.asA((tx) => books.ledger.balance(tx, 'live'));
    expect(now, `step ${step}`).toEqual({
      availableNanos: BigInt(model.available()),
      heldNanos: BigInt(model.held()),
      spentNanos: BigInt(model.spent()),
    });
  }
  const budgets = await books.asA((tx) => books.ledger.listBudgets(tx));
  for (const [type, id] of LIMITS) {
    const budget = budgets.find((one) => one.scope.id === id);
    expect(Number(budget?.spentNanos) + Number(budget?.heldNanos), id).toBe(model.used(type, id));
  }
  expect(await books.ledger.verify()).toEqual([]);
  expect(model.nodes.length).toBeGreaterThan(20);
  await books.close();
});
