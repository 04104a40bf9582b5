import test from 'ava';
import { MAX_SET_NAME, temporarySetName, whyNoSetName } from '../../../src/core/data-plane/set-names.js';

const rows: readonly [name: string, reason: RegExp | undefined][] = [
  ['minuteman', undefined],
  ['a', undefined],
  ['VIPs_2.old-x', undefined],
  ['a-set-with-a-name-of-31-letters', undefined],
  ['a-set-with-a-name-of-32-letters!', /longer than 31/],
  ['', /not made of/],
  ['-exist', /not made of/],
  ['two words', /not made of/],
  ['two\nlines', /not made of/],
  ['a/b', /not made of/],
  ['..', /not made of/],
];

for (const [name, reason] of rows) {
  test(`${JSON.stringify(name)} ${reason === undefined ? 'can' : 'cannot'} name a set`, (t) => {
    if (reason === undefined) t.is(whyNoSetName(name), undefined);
    else t.regex(whyNoSetName(name) ?? '', reason);
  });
}

test('the temporary set of a short name is told by its ending', (t) => {
  t.is(temporarySetName('minuteman'), 'minuteman-tmp');
  t.is(temporarySetName('x'.repeat(27)), `${'x'.repeat(27)}-tmp`);
});

test('temporary sets of long names that differ at their ends differ, and can be names', (t) => {
  const names = ['a', 'b', 'c'].map((end) => temporarySetName('x'.repeat(MAX_SET_NAME - 1) + end));
  t.is(new Set(names).size, 3);
  for (const name of names) t.is(whyNoSetName(name), undefined, name);
  t.true(names.every((name) => name.length === MAX_SET_NAME && name.endsWith('-tmp')));
});
