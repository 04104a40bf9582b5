import test from 'ava';
import { Engine } from '../../../src/sim/engine/engine.js';
import { type Happening, Journal } from '../../../src/sim/engine/journal.js';

function log(fields: Readonly<Record<string, unknown>> | undefined, message = 'a crashed'): Happening {
  return { kind: 'log', host: 'n1', level: 'warn', event: 'actor-restarted', message, fields };
}

function hashOf(...happenings: readonly Happening[]): string {
  const engine = new Engine(1);
  const journal = new Journal(engine);
  for (const happening of happenings) journal.write(happening);
  return engine.hash.digest();
}

const here = log({ actor: 'a', stack: 'Error: no\n    at file:///here/a.js:1:2' });

test('where the code lies is no part of the hash, so that it is the same in every checkout', (t) => {
  const there = log({ actor: 'a', stack: 'Error: no\n    at file:///elsewhere/a.js:3:4' });
  t.is(hashOf(here), hashOf(there));
});

for (const [what, other] of [
  ['its fields', log({ actor: 'b', stack: 'Error: no' })],
  ['that it has fields', log(undefined)],
  ['its message', log({ actor: 'a', stack: '' }, 'b crashed')],
  ['what kind of happening it is', { kind: 'rules', host: 'n1', by: 'daemon' }],
] as const) {
  test(`${what}: part of the hash`, (t) => {
    t.not(hashOf(here), hashOf(other));
  });
}

test('readers hear of everything in order, and of the stack, too', (t) => {
  const journal = new Journal(new Engine(1));
  const heard: Happening[] = [];
  journal.follow((happening) => heard.push(happening));
  journal.write(here);
  journal.tell({ kind: 'rules', host: 'n1', by: 'daemon' });
  t.deepEqual(heard, [here, { kind: 'rules', host: 'n1', by: 'daemon' }]);
});

test('who names kinds hears of those alone, and all hear in the order in which they came', (t) => {
  const journal = new Journal(new Engine(1));
  const heard: string[] = [];
  journal.follow(({ kind }) => heard.push(`all ${kind}`));
  journal.follow(({ kind }) => heard.push(`rules ${kind}`), ['rules']);
  journal.write(here);
  journal.write({ kind: 'rules', host: 'n1', by: 'daemon' });
  // Also who comes after such a kind was told of.
  journal.follow(({ kind }) => heard.push(`late ${kind}`), ['rules', 'set']);
  journal.write({ kind: 'rules', host: 'n1', by: 'daemon' });
  t.deepEqual(heard, [
    `all ${here.kind}`,
    'all rules',
    'rules rules',
    'all rules',
    'rules rules',
    'late rules',
  ]);
});
