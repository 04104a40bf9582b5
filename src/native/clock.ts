import { randomBytes } from 'node:crypto';
import seedrandom from 'seedrandom';
import { EventQueue } from '../core/event-queue.js';
import type { Random } from '../ports/random.js';
import type { Clock, Timer, Timers } from '../ports/time.js';

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

/**
 * All timers on one of the loop's, which is set for the first that is due. Actors set and take back timers with nearly every
 * message; to do so with the loop's own costs some microseconds each, here hardly any. The price is that the loop
 * wakes in vain when the timer it was set for was taken back.
 */
class SystemTimers implements Timers {
  readonly #queue = new EventQueue();
  #alarm: NodeJS.Timeout | undefined;
  #alarmMs = Number.POSITIVE_INFINITY;

  start(delayMs: number, fire: () => void): Timer {
    const nowMs = monotonicMs();
    const timer = this.#queue.push(nowMs + delayMs, 0, fire);
    if (timer.timeMs < this.#alarmMs) this.#set(timer.timeMs, nowMs);
    return {
      cancel: () => {
        timer.cancel();
        // Or it would keep a process alive that has nothing left to do.
        if (this.#queue.length === 0) this.#clear();
      },
    };
  }

  #set(atMs: number, nowMs: number): void {
    clearTimeout(this.#alarm);
    this.#alarmMs = atMs;
    this.#alarm = setTimeout(
      () => this.#ring(),
      Math.min(Math.max(Math.ceil(atMs - nowMs), 0), MAX_DELAY_MS),
    );
  }

  #clear(): void {
    clearTimeout(this.#alarm);
    this.#alarm = undefined;
    this.#alarmMs = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    this.#clear();
    // Node rounds a timer's start down to its loop's cached time, and may fire up to a millisecond early.
    const nowMs = monotonicMs();
    try {
      for (let due = this.#queue.take(nowMs); due !== undefined; due = this.#queue.take(nowMs)) due.run();
    } finally {
      const nextMs = this.#queue.nextMs();
      if (nextMs !== undefined && nextMs < this.#alarmMs) this.#set(nextMs, monotonicMs());
    }
  }
}

export const systemTimers: Timers = new SystemTimers();

/** A stream of random numbers of its own, seeded from the system's entropy. */
export function systemRandom(): Random {
  const next = seedrandom.alea(randomBytes(16).toString('hex'));
  return { next: () => next() };
}
