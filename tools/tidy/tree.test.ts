import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../apps/server/src/config/index.ts';
import { allRules } from './rules/index.ts';
import { readTree } from './tree.ts';

const ratchet = JSON.parse(readFileSync(new URL('./ratchet.json', import.meta.url), 'utf8'));
const files = readTree();

test.each(Object.entries(allRules({ ratchet, settings: SETTINGS })))('the tree keeps the rule %s', (_name, rule) => {
  expect(rule(files).map(({ path, line, message }) => `${path}:${line} ${message}`)).toEqual([]);
});
