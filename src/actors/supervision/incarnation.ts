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
  /** In no order that means anything; each knows its place. */
  private readonly pending: PendingTimer<M>[] = [];
  private alive = true;

  constructor(mailbox: Mailbox<M>, timers: Timers, deliver: (message: M) => void) {
    this.mailbox = mailbox;
    this.timers = timers;
    this.deliver = deliver;
  }

  sendAfter(delayMs: number, message: M): Timer {
    const entry = new PendingTimer(this, message);
    if (this.alive) {
      entry.place = this.pending.push(entry) - 1;
      entry.timer = this.timers.start(delayMs, () => entry.fire());
    }
    return entry;
  }

  end(): void {
    this.alive = false;
    for (const entry of this.pending.splice(0)) {
      entry.place = -1;
      entry.timer?.cancel();
    }
  }

  fired(message: M): void {
    this.deliver(message);
  }

  forget(entry: PendingTimer<M>): void {
    const { pending } = this;
    const last = pending.pop()!;
    if (last === entry) return;
    pending[entry.place] = last;
    last.place = entry.place;
  }
}

/** A message on its way to the actor that sent it to itself. */
class PendingTimer<M> implements Timer {
  timer: Timer | undefined;
  /** Where it is among those pending; negative when it is not. */
  place = -1;
  private readonly incarnation: Incarnation<M>;
  private readonly message: M;

  constructor(incarnation: Incarnation<M>, message: M) {
    this.incarnation = incarnation;
    this.message = message;
  }

  fire(): void {
    if (this.take()) this.incarnation.fired(this.message);
  }

  cancel(): void {
    if (this.take()) this.timer?.cancel();
  }

  private take(): boolean {
    if (this.place < 0) return false;
    this.incarnation.forget(this);
    this.place = -1;
    return true;
  }
}
