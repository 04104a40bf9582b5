import type { Timer, Timers } from '../../ports/time.js';
import type { Mailbox, Self } from './actor.js';

/**
 * One life of an actor, from `init` to its crash or stop, and what it knows of itself. Its timers die with
 * it: they are cancelled, and one that fires in spite of that (late, or held up in the port) finds that its
 * entry is gone.
 */
export class Incarnation<M> implements Self<M> {
  readonly mailbox: Mailbox<M>;
  private readonly timers: Timers;
  private readonly deliver: (message: M) => void;
  private readonly pending = new Set<PendingTimer>();
  private alive = true;

  constructor(mailbox: Mailbox<M>, timers: Timers, deliver: (message: M) => void) {
    this.mailbox = mailbox;
    this.timers = timers;
    this.deliver = deliver;
  }

  sendAfter(delayMs: number, message: M): Timer {
    const entry: PendingTimer = { timer: undefined };
    if (this.alive) {
      this.pending.add(entry);
      entry.timer = this.timers.start(delayMs, () => {
        if (this.pending.delete(entry)) this.deliver(message);
      });
    }
    return {
      cancel: () => {
        if (this.pending.delete(entry)) entry.timer?.cancel();
      },
    };
  }

  end(): void {
    this.alive = false;
    for (const { timer } of this.pending) timer?.cancel();
    this.pending.clear();
  }
}

interface PendingTimer {
  timer: Timer | undefined;
}
