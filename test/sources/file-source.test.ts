import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Source } from '../../src/ports/sources.js';
import { openSource } from '../../src/sources/open-source.js';
import { ReaderThread } from '../../src/sources/reader-thread.js';
import { Follower, readOnce } from './reading.js';

const thread = new ReaderThread();
test.after.always(() => thread.stop());

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'minuteman-file-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function open(t: ExecutionContext, path: string): Source {
  const source = openSource({ type: 'file', path }, thread);
  t.teardown(() => source.close());
  return source;
}

const ONE = 'vips: { "10.1.2.3:5000": ["10.99.0.2:8080"] }\n';
const TWO = 'vips: { "10.1.2.3:5000": ["10.99.0.2:8080", "10.99.0.3:8080"] }\n';

test('changes are answered relative to the token; trouble keeps the last good answer and says why', async (t) => {
  const path = join(directory(t), 'vips.yaml');
  const follower = new Follower(open(t, path));
  const fails = async (reason: RegExp) => {
    const reading = await follower.poll();
    t.is(reading.kind, 'failed');
    if (reading.kind !== 'failed') return;
    t.regex(reading.reason, reason);
    t.true(reading.reason.startsWith(`${path}: `), reading.reason);
  };
  await fails(/does not exist/);
  writeFileSync(path, ONE);
  t.is(await follower.step(), 'reset: 10.1.2.3:5000=10.99.0.2:8080');
  t.is(await follower.step(), 'unchanged: 10.1.2.3:5000=10.99.0.2:8080');
  for (const [text, reason] of [
    [TWO.slice(0, 40), /line \d/],
    ['', /is empty/],
    [`${TWO}other: 1\n`, /other \(line 2\): unknown key/],
    ['vips: { "224.0.0.1:5000": [] }', /multicast/],
  ] as const) {
    writeFileSync(path, text);
    await fails(reason);
    await fails(reason);
  }
  rmSync(path);
  await fails(/does not exist/);
  mkdirSync(path);
  await fails(/no regular file/);
  rmSync(path, { recursive: true });
  writeFileSync(path, TWO);
  t.is(await follower.step(), 'changed: 10.1.2.3:5000=10.99.0.2:8080,10.99.0.3:8080');
  writeFileSync(path, 'vips: {}');
  t.is(await follower.step(), 'changed: ');
});

test('a change of the same size in the same instant is seen', async (t) => {
  const path = join(directory(t), 'vips.yaml');
  const follower = new Follower(open(t, path));
  for (let n = 0; n < 20; n++) {
    writeFileSync(path, `vips: { "10.1.2.3:5000": ["10.99.0.${10 + n}:8080"] }\n`);
    await follower.poll();
    t.regex(await follower.step(), new RegExp(`=10.99.0.${10 + n}:8080`));
  }
});

test('a file that is being written is read when the writer pauses', async (t) => {
  const path = join(directory(t), 'vips.yaml');
  writeFileSync(path, 'vips:\n');
  const reading = readOnce(open(t, path));
  writeFileSync(path, 'vips:\n  10.1.2.3:5000:\n');
  await sleep(20);
  writeFileSync(path, 'vips:\n  10.1.2.3:5000:\n    - 10.99.0.2:8080\n');
  const { kind } = await reading;
  t.is(kind, 'changed');
});

test('an untouched file wakes nobody: the reader thread ends, and its next answer counts from nothing', async (t) => {
  const own = new ReaderThread();
  const path = join(directory(t), 'vips.json');
  writeFileSync(path, '{"vips":{"10.1.2.3:5000":[]}}');
  const source = openSource({ type: 'file', path }, own);
  t.teardown(() => source.close());
  const follower = new Follower(source);
  await follower.poll();
  await sleep(2_700);
  t.is(await follower.step(), 'unchanged: 10.1.2.3:5000=');
  await own.stop();
  t.is(await follower.step(), 'unchanged: 10.1.2.3:5000=');
  writeFileSync(path, '{"vips":{"10.1.2.3:5001":[]}}');
  t.is(await follower.step(), 'reset: 10.1.2.3:5001=');
  await own.stop();
});

for (const [how, replace] of [
  ['written in place', (path: string) => writeFileSync(path, TWO)],
  [
    'replaced atomically',
    (path: string) => {
      writeFileSync(`${path}.new`, TWO);
      renameSync(`${path}.new`, path);
    },
  ],
  ['deleted', (path: string) => rmSync(path)],
] as const) {
  test(`the watcher hears of a file ${how}, twice`, async (t) => {
    const path = join(directory(t), 'vips.yaml');
    writeFileSync(path, ONE);
    const source = open(t, path);
    let heard = 0;
    source.watch(() => heard++);
    for (const round of [1, 2]) {
      const before = heard;
      if (how === 'deleted' && round === 2) writeFileSync(path, ONE);
      else replace(path);
      for (let waited = 0; heard === before && waited < 10_000; waited += 20) await sleep(20);
      t.true(heard > before, `round ${round}`);
    }
  });
}

test('a directory that appears later is watched from the next poll on', async (t) => {
  const inner = join(directory(t), 'later');
  const path = join(inner, 'vips.yaml');
  const source = open(t, path);
  let heard = 0;
  source.watch(() => heard++);
  t.is((await readOnce(source)).kind, 'failed');
  mkdirSync(inner);
  t.is((await readOnce(source)).kind, 'failed');
  writeFileSync(path, ONE);
  for (let waited = 0; heard === 0 && waited < 10_000; waited += 20) await sleep(20);
  t.true(heard > 0);
});
