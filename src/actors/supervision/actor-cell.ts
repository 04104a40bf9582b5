import type { Behavior, Mailbox } from './actor.js';
import { type Child, childPath, type Parent, placedTwice } from './child.js';
import { type Crash, crashOf } from './crash.js';
import { Alarm, Incarnation } from './incarnation.js';
import { MessageQueue } from './message-queue.js';
import type { Runtime } from './runtime.js';
import { Turn } from './turn.js';

/** Messages handled in one turn at most, so that a flooded actor leaves the others and the sockets their share. */
const MESSAGES_PER_TURN = 32;

/**
 * An actor's place in the tree: its queue, which outlives its incarnations, and its current life. A message
 * is lost only if the handler crashed on it, the mailbox was full, or the actor was stopped for good. That
 * holds for a restart along with a sibling too: what waits may come from outside the group, and its sender,
 * who did not crash, would never know. So a fresh incarnation may find questions that a dead sibling asked;
 * the answers go to an address whose new owner must ignore answers it did not ask for, as it must anyway.
 */
export class ActorCell<M, S> implements Child, Mailbox<M> {
  readonly name: string;
  crash: Crash | undefined;
  private readonly behavior: Behavior<M, S>;
  private readonly limit: number;
  private readonly queue = new MessageQueue<M | Alarm<M>>();
  private readonly turn = new Turn(() => this.takeTurn());
  private placed: { readonly parent: Parent; readonly runtime: Runtime; readonly path: string } | undefined;
  private life: { readonly incarnation: Incarnation<M>; state: S } | undefined;
  private ended = false;
  /** A burst of overflow is told once; it is over when half of the queue is free again. */
  private overflowing = false;

  constructor(name: string, behavior: Behavior<M, S>, limit: number) {
    this.name = name;
    this.behavior = behavior;
    this.limit = limit;
  }

  get path(): string {
    return this.placed?.path ?? this.name;
  }

  get running(): boolean {
    return this.life !== undefined;
  }

  send(message: M): void {
    if (this.queue.length >= this.limit) this.dropNewest();
    else this.enqueue(message);
  }

  place(parent: Parent, runtime: Runtime): void {
    const path = childPath(parent, this.name);
    if (this.placed !== undefined) throw placedTwice(path);
    this.placed = { parent, runtime, path };
    for (let waiting = this.queue.length; waiting > 0; waiting -= 1) this.countSent(runtime);
  }

  start(): Crash | undefined {
    const { parent, runtime, path } = this.mustBePlaced();
    this.crash = undefined;
    const incarnation = new Incarnation<M>(this, runtime.timers, (alarm) => this.enqueue(alarm));
    try {
      this.life = { incarnation, state: this.behavior.init(incarnation) };
    } catch (thrown) {
      incarnation.end();
      return crashOf(path, thrown);
    }
    this.turn.open(parent.turn, this.name);
    if (this.queue.length > 0) this.turn.ask();
    return undefined;
  }

  stop(): void {
    this.crash = undefined;
    this.endLife();
  }

  end(): void {
    this.ended = true;
    const dropped = this.queue.clear();
    if (this.placed === undefined) return;
    const { runtime, path } = this.placed;
    runtime.dropped.ended += dropped;
    runtime.restarts.delete(path);
    runtime.settle(dropped);
  }

  private enqueue(message: M | Alarm<M>): void {
    const runtime = this.placed?.runtime;
    if (this.ended) {
      if (runtime !== undefined) runtime.dropped.ended += 1;
      return;
    }
    if (runtime?.abandoned) return;
    this.queue.push(message);
    if (runtime === undefined) return;
    this.countSent(runtime);
    this.turn.ask();
  }

  private countSent(runtime: Runtime): void {
    runtime.inFlight += 1;
    runtime.monitor?.sent?.(this.path);
  }

  private dropNewest(): void {
    if (this.placed === undefined) return;
    const { runtime, path } = this.placed;
    runtime.dropped.overflow += 1;
    if (this.overflowing) return;
    this.overflowing = true;
    runtime.log.event(
      'warn',
      'mailbox-overflow',
      `${path} has ${this.limit} messages waiting; dropping new ones`,
      {
        actor: path,
        limit: this.limit,
      },
    );
  }

  private takeTurn(): void {
    const { runtime } = this.mustBePlaced();
    let left = Math.min(this.queue.length, MESSAGES_PER_TURN);
    while (left > 0 && this.life !== undefined && !runtime.abandoned) {
      left -= 1;
      const next = this.queue.shift();
      if (!(next instanceof Alarm)) this.handle(this.life, next, runtime);
      else if (next.void) runtime.settle(1);
      else this.handle(this.life, next.message, runtime);
    }
    if (runtime.abandoned) return;
    if (this.overflowing && this.queue.length * 2 <= this.limit) this.overflowing = false;
    if (this.queue.length > 0) this.turn.ask();
  }

  private handle(
    life: { readonly incarnation: Incarnation<M>; state: S },
    message: M,
    runtime: Runtime,
  ): void {
    const { monitor } = runtime;
    try {
      if (monitor === undefined) {
        life.state = this.behavior.handle(life.state, message, life.incarnation);
      } else {
        monitor.beforeMessage?.(this.path, message);
        const next = this.behavior.handle(life.state, message, life.incarnation);
        monitor.afterMessage?.(this.path, message);
        life.state = next;
      }
    } catch (thrown) {
      this.fail(crashOf(this.path, thrown));
    }
    // Only now, so that a system with a handler under way, or a crash to decide on, never looks settled.
    runtime.settle(1);
  }

  private fail(crash: Crash): void {
    this.endLife();
    this.crash = crash;
    this.mustBePlaced().parent.failed(this, crash);
  }

  /** Timers first, so that nothing `terminate` starts can outlive it; `terminate` once, whatever ended the life. */
  private endLife(): void {
    const { life } = this;
    if (life === undefined) return;
    this.life = undefined;
    this.turn.close();
    life.incarnation.end();
    try {
      this.behavior.terminate?.(life.state);
    } catch (thrown) {
      const { runtime, path } = this.mustBePlaced();
      const message = `${path} failed to let go of what it held; it is stopped all the same`;
      runtime.logCrash('error', 'actor-terminate-failed', message, crashOf(path, thrown), { actor: path });
    }
  }

  private mustBePlaced(): { readonly parent: Parent; readonly runtime: Runtime; readonly path: string } {
    if (this.placed === undefined) throw new Error(`${this.name} has no place in a tree`);
    return this.placed;
  }
}
