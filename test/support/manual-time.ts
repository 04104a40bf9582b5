import type { Clock, Timer, Timers } from '../../src/ports/time.js';

interface Pending {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** Time that passes only when a test says so. Timers due at one instant fire in the order they were started. */
export class ManualTime implements Clock, Timers {
  private elapsedMs = 0;
  private readonly timers = new Set<Pending>();
  private readonly epochMs: number;

  constructor(epochMs = 1_700_000_000_000) {
    this.epochMs = epochMs;
  }

  nowMs(): number {
    return this.elapsedMs;
  }

  wallMs(): number {
    return this.epochMs + this.elapsedMs;
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.timers.size;
  }

  start(delayMs: number, fire: () => void): Timer {
    const timer = { dueMs: this.elapsedMs + Math.max(0, delayMs), fire };
    this.timers.add(timer);
    return { cancel: () => void this.timers.delete(timer) };
  }

  /** When the next timer falls due; undefined when there is none. */
  nextDueMs(): number | undefined {
    return this.next(Number.POSITIVE_INFINITY)?.dueMs;
  }

  /** Lets `ms` pass and fires what falls due, each at its own instant, also what is started meanwhile. */
  advance(ms: number): void {
    const untilMs = this.elapsedMs + ms;
    for (let next = this.next(untilMs); next !== undefined; next = this.next(untilMs)) {
      this.timers.delete(next);
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      next.fire();
    }
    this.elapsedMs = untilMs;
  }

  private next(untilMs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs > untilMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }
}
