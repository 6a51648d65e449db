import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { faultsIn, problemsIn } from './problems.ts';

const REFERENCE = new URL('../../../../../../docs/reference/errors.md', import.meta.url);

it('every problem that pages have words for is one that there is, and says the same of fields in both languages', async () => {
  const reference = await readFile(REFERENCE, 'utf8');
  const [english, arabic] = [problemsIn('en'), problemsIn('ar')];
  for (const [code, says] of Object.entries(english)) {
    expect([code, reference.includes(`| \`${code}\` |`)]).toEqual([code, true]);
    expect([code, arabic[code]?.includes('{faults}')]).toEqual([code, says.includes('{faults}')]);
  }
});

it('faults of passwords have Arabic words', async () => {
  const rules = await readFile(new URL('../people/password-rules.ts', import.meta.url), 'utf8');
  for (const fault of Object.keys(faultsIn('ar')).filter((text) => !/\d|app/.test(text)))
    expect([fault, rules.includes(fault)]).toEqual([fault, true]);
});
