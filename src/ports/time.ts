/** Readings of time. Monotonic time orders and measures; wall time only labels what people read. */
export interface Clock {
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  nowMs(): number;
  /** Milliseconds since 1970, UTC; may jump either way. */
  wallMs(): number;
}

export interface Timer {
  /** After this returns the timer does not fire. Harmless when it has fired already. */
  cancel(): void;
}

/** One-shot timers. A timer fires once, never early, and never inside `start`; it may be late. */
export interface Timers {
  start(delayMs: number, fire: () => void): Timer;
}
