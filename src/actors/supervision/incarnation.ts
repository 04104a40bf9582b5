import type { Timer, Timers } from '../../ports/time.js';
import type { Mailbox, Self } from './actor.js';

/**
 * One life of an actor, from `init` to its crash or stop, and what it knows of itself. Its alarms die with
 * it: they are cancelled, and one that rings in spite of that (late, or held up in the port), or rang and waits
 * in the mailbox, is not handled.
 */
export class Incarnation<M> implements Self<M> {
  readonly mailbox: Mailbox<M>;
  private readonly timers: Timers;
  /** Puts into the mailbox an alarm that rang. */
  private readonly deliver: (alarm: Alarm<M>) => void;
  /** In no order that means anything; each knows its place. */
  private readonly pending: Alarm<M>[] = [];
  private alive = true;

  constructor(mailbox: Mailbox<M>, timers: Timers, deliver: (alarm: Alarm<M>) => void) {
    this.mailbox = mailbox;
    this.timers = timers;
    this.deliver = deliver;
  }

  sendAfter(delayMs: number, message: M): Timer {
    const alarm = new Alarm(this, message);
    if (this.alive) alarm.set(this.timers, delayMs, this.pending.push(alarm) - 1);
    return alarm;
  }

  get ended(): boolean {
    return !this.alive;
  }

  end(): void {
    this.alive = false;
    for (const alarm of this.pending.splice(0)) alarm.end();
  }

  rang(alarm: Alarm<M>): void {
    this.forget(alarm);
    this.deliver(alarm);
  }

  forget(alarm: Alarm<M>): void {
    const { pending } = this;
    const last = pending.pop()!;
    if (last === alarm) return;
    pending[alarm.place] = last;
    last.place = alarm.place;
  }
}

/** A message on its way to the actor that sent it to itself: first a timer, then in the mailbox. */
export class Alarm<M> implements Timer {
  readonly message: M;
  /** Where it is among those pending; negative when it is not. */
  place = -1;
  private readonly incarnation: Incarnation<M>;
  private timer: Timer | undefined;
  private cancelled = false;

  constructor(incarnation: Incarnation<M>, message: M) {
    this.incarnation = incarnation;
    this.message = message;
  }

  /** Whether nobody wants it handled any more. */
  get void(): boolean {
    return this.cancelled || this.incarnation.ended;
  }

  set(timers: Timers, delayMs: number, place: number): void {
    this.place = place;
    this.timer = timers.start(delayMs, () => this.ring());
  }

  cancel(): void {
    this.cancelled = true;
    if (this.place < 0) return;
    this.incarnation.forget(this);
    this.end();
  }

  /** It does not ring any more. */
  end(): void {
    this.place = -1;
    this.timer?.cancel();
  }

  private ring(): void {
    if (this.place < 0) return;
    this.incarnation.rang(this);
    this.place = -1;
  }
}
