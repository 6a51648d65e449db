/**
 * Every movement of money there is. Nobody writes loose entries: a transfer is one of these, and each names the one that takes it
 * back. Lines stand in the order in which accounts are locked.
 */
import type { AccountKind } from './types.ts';

export interface Template {
  /** What happened, in an accountant's words. */
  readonly meaning: string;
  /** The account and the direction its balance moves; lines of zero are left out of the books. */
  readonly lines: readonly (readonly [account: AccountKind, direction: 1 | -1])[];
  readonly reversal: TemplateName;
}

export type TemplateName =
  | 'grant-credit'
  | 'revoke-credit'
  | 'take-hold'
  | 'release-hold'
  | 'settle-hold'
  | 'reverse-charge'
  | 'refund-charge'
  | 'operator-loss'
  | 'reverse-operator-loss';

export const TEMPLATES: Readonly<Record<TemplateName, Template>> = {
  'grant-credit': {
    meaning: 'The operator gives credit, or a payment arrives.',
    lines: [
      ['available', 1],
      ['funding', -1],
    ],
    reversal: 'revoke-credit',
  },
  'revoke-credit': {
    meaning: 'Credit that was not spent is taken back.',
    lines: [
      ['available', -1],
      ['funding', 1],
    ],
    reversal: 'grant-credit',
  },
  'take-hold': {
    meaning: 'The most a run may cost is reserved.',
    lines: [
      ['available', -1],
      ['held', 1],
    ],
    reversal: 'release-hold',
  },
  'release-hold': {
    meaning: 'What a run had reserved and did not use is free again.',
    lines: [
      ['available', 1],
      ['held', -1],
    ],
    reversal: 'take-hold',
  },
  'settle-hold': {
    meaning:
      'A run ended: its cost is charged, and the rest of its hold is free again (a child leaves the rest with its parent).',
    lines: [
      ['available', 1],
      ['held', -1],
      ['spent', 1],
    ],
    reversal: 'reverse-charge',
  },
  'reverse-charge': {
    meaning: 'The charge of a child goes back into the hold of its root, which is still open (its root failed).',
    lines: [
      ['held', 1],
      ['spent', -1],
    ],
    reversal: 'settle-hold',
  },
  'refund-charge': {
    meaning: 'A charge whose hold is over is given back to the customer.',
    lines: [
      ['available', 1],
      ['refunds', -1],
    ],
    reversal: 'settle-hold',
  },
  'operator-loss': {
    meaning: 'The operator bears model use that the customer does not pay.',
    lines: [
      ['provider_cost', 1],
      ['provider_payable', -1],
    ],
    reversal: 'reverse-operator-loss',
  },
  'reverse-operator-loss': {
    meaning: 'A loss that was booked turned out not to be one.',
    lines: [
      ['provider_cost', -1],
      ['provider_payable', 1],
    ],
    reversal: 'operator-loss',
  },
};

/** Accounts and signed amounts of a template whose lines all carry the same amount. */
export function linesOf(template: TemplateName, amountNanos: bigint): { accounts: AccountKind[]; amounts: bigint[] } {
  const { lines } = TEMPLATES[template];
  return {
    accounts: lines.map(([account]) => account),
    amounts: lines.map(([, direction]) => BigInt(direction) * amountNanos),
  };
}
