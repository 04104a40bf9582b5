import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { addon } from '../../src/native/addon.js';
import { monotonicMs, systemClock, systemRandom, systemTimers } from '../../src/native/clock.js';
import { RANDOM_CASES, TIME_CASES } from '../conformance/time.js';

test('packets and events are stamped by the clock the actors read', (t) => {
  for (let i = 0; i < 100; i += 1) {
    const before = monotonicMs();
    const stamp = addon().monotonicMs();
    t.true(before <= stamp && stamp <= monotonicMs());
  }
});

for (const { title, run } of TIME_CASES)
  test(`system clock and timers: ${title}`, (t) =>
    t.notThrowsAsync(
      run({ clock: systemClock, timers: systemTimers, pass: async (ms) => void (await sleep(ms)) }),
    ));

const CLOCK = new URL('../../src/native/clock.js', import.meta.url).href;

function runProgram(body: string): Promise<{ code: number | null; out: string }> {
  const program = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { systemTimers } from '${CLOCK}'; ${body}`,
  ]);
  let out = '';
  program.stdout.on('data', (piece) => {
    out += piece;
  });
  return new Promise((resolve) => program.on('close', (code) => resolve({ code, out })));
}

test('timers that were taken back keep no process alive', async (t) => {
  const { code, out } = await runProgram(`
    const far = systemTimers.start(3_600_000, () => {});
    const near = systemTimers.start(5, () => console.log('near'));
    systemTimers.start(10, () => far.cancel());
  `);
  t.deepEqual({ code, out }, { code: 0, out: 'near\n' });
});

test('one that throws holds up no other', async (t) => {
  const { out } = await runProgram(`
    process.on('uncaughtException', ({ message }) => console.log(message));
    for (const ms of [5, 5, 9]) systemTimers.start(ms, () => { throw new Error('thrown after ' + ms); });
  `);
  t.is(out, 'thrown after 5\nthrown after 5\nthrown after 9\n');
});

for (const { title, run } of RANDOM_CASES)
  test(`system randomness: ${title}`, (t) => t.notThrowsAsync(run({ stream: systemRandom })));
