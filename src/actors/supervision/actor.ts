import type { Timer } from '../../ports/time.js';
import { ActorCell } from './actor-cell.js';
import type { Child } from './child.js';

/**
 * The address of an actor. It outlives restarts: a message sent while the actor is being restarted waits
 * for the new incarnation, and so does one sent before the system was started; one sent to an actor that was
 * stopped for good is dropped. Messages from one sender arrive in order. Contravariant, unlike nact's `Ref`: a mailbox that takes more may stand in for
 * one that takes less, never the other way round.
 */
export interface Mailbox<in M> {
  readonly path: string;
  send(message: M): void;
}

/** What an actor knows of itself. */
export interface Self<in out M> {
  readonly mailbox: Mailbox<M>;
  /**
   * A message to itself after a delay. It dies with this incarnation, so a restarted actor never sees an old timer; once
   * cancelled it is not handled, even if it waits in the mailbox already.
   */
  sendAfter(delayMs: number, message: M): Timer;
}

/**
 * An actor's behaviour. State may be mutable, but only its own handler touches it. Whatever `init` and
 * `handle` throw is a crash: the supervisor restarts the actor with a fresh `init`; the message at which it
 * crashed is lost, the ones behind it are kept.
 */
export interface Behavior<M, S> {
  init(self: Self<M>): S;
  handle(state: S, message: M, self: Self<M>): S;
  /** An orderly stop or a restart: let go of what the world holds for this actor. Not called if the process dies. */
  terminate?(state: S): void;
}

/** An actor as a supervisor is told of it: one place in one tree, whatever number of incarnations. */
export interface ActorSpec<in M> {
  readonly kind: 'actor';
  readonly name: string;
  /** Usable at once, so that actors can be given each other's addresses while the tree is described. */
  readonly mailbox: Mailbox<M>;
  /** What its supervisor holds; nobody else's business. */
  readonly child: Child;
}

export interface ActorOptions {
  /**
   * Messages the mailbox holds; when it is full the newest is dropped and counted. Messages from the actor's
   * own timers are exempt: a heartbeat lost to a flood would never beat again, and their number is the actor's own.
   */
  readonly mailboxLimit?: number;
}

/** Far above any burst that is healthy, far below what memory holds. */
const MAILBOX_LIMIT = 100_000;

/** Names are unique among siblings and not empty; they may hold any character. */
export function actor<M, S>(
  name: string,
  behavior: Behavior<M, S>,
  options: ActorOptions = {},
): ActorSpec<M> {
  const cell = new ActorCell(name, behavior, options.mailboxLimit ?? MAILBOX_LIMIT);
  return { kind: 'actor', name, mailbox: cell, child: cell };
}
