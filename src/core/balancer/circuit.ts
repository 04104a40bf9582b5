export interface CircuitLimits {
  /** Consecutive failures that make a backend unavailable, when they fall within the window. */
  readonly failureThreshold: number;
  readonly failureWindowMs: number;
  /** How long after its last failure an unavailable backend is left alone before it is tried again. */
  readonly backoffMs: number;
}

/**
 * Whether a backend may be tried. It is unavailable while its last `failureThreshold` handshakes all failed
 * within `failureWindowMs` and the last of them is less than `backoffMs` ago. After that it is tried again:
 * one more failure closes it for another back-off, a success forgets them all.
 */
export class Circuit {
  readonly #limits: CircuitLimits;
  /** When the latest consecutive failures happened, a ring of at most `failureThreshold`. */
  readonly #failedAtMs: number[] = [];
  #next = 0;
  consecutiveFailures = 0;

  constructor(limits: CircuitLimits) {
    this.#limits = limits;
  }

  failed(nowMs: number): void {
    this.#failedAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#limits.failureThreshold;
    this.consecutiveFailures += 1;
  }

  succeeded(): void {
    this.consecutiveFailures = 0;
    this.#next = 0;
  }

  available(nowMs: number): boolean {
    const { failureThreshold, failureWindowMs, backoffMs } = this.#limits;
    if (this.consecutiveFailures < failureThreshold) return true;
    const oldestMs = this.#failedAtMs[this.#next] ?? 0;
    const newestMs = this.#failedAtMs[(this.#next + failureThreshold - 1) % failureThreshold] ?? 0;
    return newestMs - oldestMs > failureWindowMs || nowMs - newestMs >= backoffMs;
  }
}
