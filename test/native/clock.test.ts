import test from 'ava';
import { addon } from '../../src/native/addon.js';
import { monotonicMs, systemClock, systemRandom, systemTimers } from '../../src/native/clock.js';

test('packets and events are stamped by the clock the actors read', (t) => {
  for (let i = 0; i < 100; i += 1) {
    const before = monotonicMs();
    const stamp = addon().monotonicMs();
    t.true(before <= stamp && stamp <= monotonicMs());
  }
});

test('wall time counts from 1970', (t) => {
  t.true(systemClock.wallMs() > Date.UTC(2024));
});

for (const delayMs of [0, 0.2, 1, 7.5, 30]) {
  test(`a timer of ${delayMs} ms fires once, not inside start, and not early`, async (t) => {
    const started = monotonicMs();
    let fired = 0;
    const elapsed = await new Promise<number>((resolve) => {
      systemTimers.start(delayMs, () => {
        fired += 1;
        resolve(monotonicMs() - started);
      });
      t.is(fired, 0);
    });
    t.true(elapsed >= delayMs, `it fired after ${elapsed} ms`);
    t.is(fired, 1);
  });
}

test('a timer that was cancelled does not fire, and cancelling twice is harmless', async (t) => {
  const timer = systemTimers.start(1, () => t.fail());
  timer.cancel();
  timer.cancel();
  await new Promise<void>((resolve) => systemTimers.start(20, resolve));
  t.pass();
});

test('a delay beyond the reach of setTimeout does not fire at once', async (t) => {
  const timer = systemTimers.start(2 ** 40, () => t.fail());
  await new Promise<void>((resolve) => systemTimers.start(20, resolve));
  timer.cancel();
  t.pass();
});

test('two streams of random numbers differ, and stay within 0 and 1', (t) => {
  const [a, b] = [systemRandom(), systemRandom()];
  const drawn = Array.from({ length: 100 }, () => [a.next(), b.next()] as const);
  t.true(drawn.every(([x, y]) => x >= 0 && x < 1 && y >= 0 && y < 1));
  t.false(drawn.every(([x, y]) => x === y));
});
