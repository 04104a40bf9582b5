import type { Timer } from '../../ports/time.js';
import type { Self } from '../supervision/actor.js';

/**
 * Looks after what an actor has under way: one message at the time when something of it may be overdue, for all that began
 * meanwhile. As a rule everything is over long before, and the message is taken back; but not while more keeps beginning, as to
 * take it back and to set it anew each time would cost more than one for many.
 */
export class Lookout<M> {
  readonly #self: Self<M>;
  readonly #message: M;
  readonly #withinMs: number;
  #timer: Timer | undefined;
  #beganMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  /** What begins within `withinMs` after something else makes it busy. */
  constructor(self: Self<M>, message: M, withinMs: number) {
    this.#self = self;
    this.#message = message;
    this.#withinMs = withinMs;
  }

  /** Whether a message is on its way. */
  get waiting(): boolean {
    return this.#timer !== undefined;
  }

  /** Something begins. */
  begin(nowMs: number): void {
    this.#busy = nowMs - this.#beganMs < this.#withinMs;
    this.#beganMs = nowMs;
  }

  /** Without effect while a message is on its way, be it for sooner or later. */
  wakeAfter(delayMs: number): void {
    this.#timer ??= this.#self.sendAfter(delayMs, this.#message);
  }

  /** Nothing is under way any more. */
  rest(): void {
    if (this.#busy) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The message came. */
  fired(): void {
    this.#timer = undefined;
  }
}
