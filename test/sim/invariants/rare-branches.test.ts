import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { RARE_BRANCHES } from '../../../src/sim/invariants/rare-branches.js';

const FOLDER = new URL('../../../../../src/sim/invariants/', import.meta.url);

test('every rare branch that an invariant counts is listed, and no other', (t) => {
  const sources = readdirSync(FOLDER).filter((name) => name !== 'rare-branches.ts');
  const text = sources.map((name) => readFileSync(new URL(name, FOLDER), 'utf8')).join('\n');
  const calls = [...text.matchAll(/\.sometimes\(([\s\S]*?)\);\n/g)].map(([, argument]) => argument!);
  const counted = calls.flatMap((argument) =>
    [...argument.matchAll(/'([^']+)'|`([^`]+)`/g)].map(([, plain, template]) => plain ?? template!),
  );
  t.true(counted.length > 0);
  const matches = (name: string, pattern: string): boolean => {
    const [start = '', end = ''] = pattern.split(/\$\{[^}]*\}/);
    return pattern.includes('${') ? name.startsWith(start) && name.endsWith(end) : name === pattern;
  };
  t.deepEqual(
    counted.filter((pattern) => !RARE_BRANCHES.some((name) => matches(name, pattern))),
    [],
    'counted, not listed',
  );
  t.deepEqual(
    RARE_BRANCHES.filter((name) => !counted.some((pattern) => matches(name, pattern))),
    [],
    'listed, not counted',
  );
});
