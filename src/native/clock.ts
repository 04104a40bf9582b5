import { randomBytes } from 'node:crypto';
import seedrandom from 'seedrandom';
import type { Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';

/** Milliseconds of CLOCK_MONOTONIC: the clock that the addon stamps packets and events with. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

export const systemClock: Clock = {
  nowMs: monotonicMs,
  wallMs: () => Date.now(),
};

/** The longest delay `setTimeout` keeps; it fires at once for anything above. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  start(delayMs, fire) {
    const dueMs = monotonicMs() + delayMs;
    let handle: NodeJS.Timeout;
    // Node rounds a timer's start down to its loop's cached time, and may fire up to a millisecond early.
    const wait = (): void => {
      const leftMs = dueMs - monotonicMs();
      if (leftMs > 0) handle = setTimeout(wait, Math.min(Math.ceil(leftMs), MAX_DELAY_MS));
      else fire();
    };
    handle = setTimeout(wait, Math.min(Math.max(Math.ceil(delayMs), 0), MAX_DELAY_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A stream of random numbers of its own, seeded from the system's entropy. */
export function systemRandom(): Random {
  const next = seedrandom.alea(randomBytes(16).toString('hex'));
  return { next: () => next() };
}
