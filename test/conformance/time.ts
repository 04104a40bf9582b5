import assert from 'node:assert/strict';
import type { Random } from '../../src/ports/random.js';
import type { Clock, Timers } from '../../src/ports/time.js';
import type { Case } from './case.js';

/** A process with its clock and its timers. */
export interface TimeSubject {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Lets the world run for at least so long. */
  pass(ms: number): Promise<void>;
}

/** What any `Clock` and `Timers` must do. */
export const TIME_CASES: readonly Case<TimeSubject>[] = [
  {
    title: 'monotonic time goes on while time passes, with fractions, and never back',
    run: async ({ clock, pass }) => {
      const readings = [clock.nowMs()];
      for (let i = 0; i < 20; i += 1) {
        await pass(0.7);
        readings.push(clock.nowMs());
      }
      const steps = readings.slice(1).map((reading, at) => reading - readings[at]!);
      assert.ok(steps.every((step) => step >= 0));
      assert.ok(readings.at(-1)! - readings[0]! >= 10, `${readings}`);
      assert.ok(readings.some((reading) => !Number.isInteger(reading)));
    },
  },
  {
    title: 'wall time counts from 1970',
    run: async ({ clock }) => {
      assert.ok(clock.wallMs() > Date.UTC(2020) && clock.wallMs() < Date.UTC(2200));
    },
  },
  ...[-5, 0, 0.2, 1, 7.5, 30].map((delayMs) => ({
    title: `a timer of ${delayMs} ms fires once, not inside start, and not early`,
    run: async ({ clock, timers, pass }: TimeSubject) => {
      const startedMs = clock.nowMs();
      const fired: number[] = [];
      timers.start(delayMs, () => fired.push(clock.nowMs() - startedMs));
      assert.deepEqual(fired, []);
      for (let i = 0; i < 200 && fired.length === 0; i += 1) await pass(10);
      await pass(20);
      assert.equal(fired.length, 1);
      assert.ok(fired[0]! >= delayMs, `it fired after ${fired[0]} ms`);
    },
  })),
  {
    title: 'a timer that was cancelled does not fire, and cancelling twice, or late, is harmless',
    run: async ({ timers, pass }) => {
      let fired = 0;
      const count = (): void => {
        fired += 1;
      };
      const cancelled = timers.start(1, count);
      cancelled.cancel();
      cancelled.cancel();
      const late = timers.start(1, count);
      await pass(100);
      assert.equal(fired, 1);
      late.cancel();
    },
  },
  {
    title: 'of two timers that are due together the first cancels the second',
    run: async ({ timers, pass }) => {
      const fired: string[] = [];
      const first = timers.start(5, () => {
        fired.push('first');
        second.cancel();
      });
      const second = timers.start(5, () => {
        fired.push('second');
        first.cancel();
      });
      await pass(100);
      assert.equal(fired.length, 1);
    },
  },
  {
    title: 'a timer may start the next',
    run: async ({ timers, pass }) => {
      let left = 5;
      const next = (): void => {
        left -= 1;
        if (left > 0) timers.start(1, next);
      };
      timers.start(1, next);
      for (let i = 0; i < 200 && left > 0; i += 1) await pass(10);
      assert.equal(left, 0);
    },
  },
  {
    title: 'timers fire in the order in which they are due, whatever was set or taken back before',
    run: async ({ timers, pass }) => {
      const fired: string[] = [];
      const note = (what: string) => () => void fired.push(what);
      const far = timers.start(10_000, note('far'));
      timers.start(40, note('late'));
      const soon = timers.start(1, note('taken back'));
      timers.start(20, note('early'));
      soon.cancel();
      await pass(200);
      far.cancel();
      assert.deepEqual(fired, ['early', 'late']);
    },
  },
  {
    title: 'a timer of many years does not fire at once',
    run: async ({ timers, pass }) => {
      let fired = false;
      const timer = timers.start(2 ** 40, () => {
        fired = true;
      });
      await pass(30);
      timer.cancel();
      assert.equal(fired, false);
    },
  },
];

/** Makes streams for different purposes. */
export interface RandomSubject {
  stream(purpose: string): Random;
}

/** What any `Random` must do. */
export const RANDOM_CASES: readonly Case<RandomSubject>[] = [
  {
    title: 'numbers are spread evenly over 0 to 1, without the 1',
    run: async ({ stream }) => {
      const random = stream('even');
      const tenths = new Array<number>(10).fill(0);
      const draws = 10_000;
      for (let i = 0; i < draws; i += 1) {
        const drawn = random.next();
        assert.ok(drawn >= 0 && drawn < 1, `${drawn}`);
        tenths[Math.floor(drawn * 10)]! += 1;
      }
      // Of 1000 expected, with a deviation of 30, seven of them are beyond any luck.
      assert.ok(
        tenths.every((count) => Math.abs(count - draws / 10) < 210),
        `${tenths}`,
      );
    },
  },
  {
    title: 'streams for different purposes differ',
    run: async ({ stream }) => {
      const [one, other] = [stream('one'), stream('other')];
      const pairs = Array.from({ length: 100 }, () => [one.next(), other.next()] as const);
      assert.ok(pairs.every(([a, b]) => a !== b));
    },
  },
];
