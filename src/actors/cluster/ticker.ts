import type { Clock, Timer } from '../../ports/time.js';
import type { Self } from '../supervision/actor.js';

/**
 * Wakes an actor when its pure part next has something to do, by one timer. What is to be done changes with nearly every
 * message, later as often as earlier: most pings are answered long before their deadline, and a timer left standing
 * would wake the node for nothing.
 */
export class Ticker<M> {
  private readonly self: Self<M>;
  private readonly clock: Clock;
  private readonly message: M;
  private timer: Timer | undefined;
  private dueMs: number | undefined;

  /** `message` is what the actor gets; it then calls `fired`. */
  constructor(self: Self<M>, clock: Clock, message: M) {
    this.self = self;
    this.clock = clock;
    this.message = message;
  }

  /** A timer set since the one that fired stands no longer either. */
  fired(): void {
    this.cancel();
  }

  /** At `atMs` and not before; undefined: not at all. */
  wakeAt(atMs: number | undefined): void {
    if (atMs === this.dueMs) return;
    this.cancel();
    if (atMs === undefined) return;
    this.dueMs = atMs;
    this.timer = this.self.sendAfter(Math.max(0, atMs - this.clock.nowMs()), this.message);
  }

  private cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.dueMs = undefined;
  }
}
