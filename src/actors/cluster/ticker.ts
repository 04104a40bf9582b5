import type { Clock, Timer } from '../../ports/time.js';
import type { Self } from '../supervision/actor.js';

/** Wakes an actor when its pure part next has something to do: one timer, moved only to be earlier. */
export class Ticker<M> {
  private readonly self: Self<M>;
  private readonly clock: Clock;
  private readonly message: M;
  private timer: Timer | undefined;
  private dueMs = Number.POSITIVE_INFINITY;

  /** `message` is what the actor gets; it then calls `fired`. */
  constructor(self: Self<M>, clock: Clock, message: M) {
    this.self = self;
    this.clock = clock;
    this.message = message;
  }

  fired(): void {
    this.timer = undefined;
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  /** At `atMs` at the latest; a timer that is set already and earlier stays. */
  wakeAt(atMs: number | undefined): void {
    if (atMs === undefined || atMs >= this.dueMs) return;
    this.timer?.cancel();
    this.dueMs = atMs;
    this.timer = this.self.sendAfter(Math.max(0, atMs - this.clock.nowMs()), this.message);
  }
}
