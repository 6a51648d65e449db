/**
 * Divides a whole by parts of it, in whole numbers whose sum is the whole: each gets its share rounded down, and what is left goes to those with
 * the largest remainders, the first of equals first.
 */
export function share(whole: number, parts: readonly number[]): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  const weights = total > 0 ? parts : parts.map(() => 1);
  const sum = BigInt(total > 0 ? total : parts.length);
  const exact = weights.map((weight) => BigInt(whole) * BigInt(weight));
  const shares = exact.map((each) => Number(each / sum));
  const left = whole - shares.reduce((all, each) => all + each, 0);
  const byRemainder = exact.map((each, index) => ({ index, rest: each % sum }));
  byRemainder.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
  for (const { index } of byRemainder.slice(0, left)) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}
