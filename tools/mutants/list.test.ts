import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTANTS } from './list.ts';

const ROOT = new URL('../../', import.meta.url);

test.each(MUTANTS.map((mutant) => [mutant.bug, mutant] as const))(
  '%s: has one place where it can be planted',
  (_bug, mutant) => {
    for (const { file, find } of [mutant, ...(mutant.also ? [mutant.also] : [])])
      expect(readFileSync(new URL(file, ROOT), 'utf8').split(find)).toHaveLength(2);
  },
);
