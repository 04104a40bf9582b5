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

for (const { title, run } of RANDOM_CASES)
  test(`system randomness: ${title}`, (t) => t.notThrowsAsync(run({ stream: systemRandom })));
