import type { Timer } from '../../ports/time.js';

/**
 * The address of an actor. It outlives restarts: a message sent while the actor is being restarted waits
 * for the new incarnation; one sent to an actor that was stopped for good is dropped. Messages from one
 * sender arrive in order. Contravariant, unlike nact's `Ref`: a mailbox that takes more may stand in for
 * one that takes less, never the other way round.
 */
export interface Mailbox<in M> {
  readonly path: string;
  send(message: M): void;
}

/** What an actor knows of itself. */
export interface Self<in out M> {
  readonly mailbox: Mailbox<M>;
  /** A message to itself after a delay; it dies with this incarnation, so a restarted actor never sees an old timer. */
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
