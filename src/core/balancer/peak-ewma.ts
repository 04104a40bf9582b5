/**
 * Peak-sensitive exponentially weighted moving average of a latency, after Finagle's `PeakEwma` load
 * metric: a sample above the average replaces it at once, lower ones pull it down with
 * `exp(-elapsed / tau)`, and while nothing is measured it decays towards zero, so that a backend that was
 * slow once is tried again.
 */
export class PeakEwma {
  readonly #tauMs: number;
  #valueMs = 0;
  #atMs = 0;
  #measured = false;

  constructor(tauMs: number) {
    this.#tauMs = tauMs;
  }

  /** Whether any sample was ever taken; until then there is nothing to compare. */
  get measured(): boolean {
    return this.#measured;
  }

  observe(sampleMs: number, nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    if (!this.#measured || sampleMs > this.#valueMs) {
      this.#valueMs = sampleMs;
    } else {
      const weight = Math.exp(-elapsedMs / this.#tauMs);
      this.#valueMs = this.#valueMs * weight + sampleMs * (1 - weight);
    }
    // Events may be handled out of order; the average never grows younger by that.
    this.#atMs = Math.max(this.#atMs, nowMs);
    this.#measured = true;
  }

  /** The average as of now, in milliseconds; 0 when nothing was measured. */
  read(nowMs: number): number {
    const elapsedMs = nowMs - this.#atMs;
    return elapsedMs > 0 ? this.#valueMs * Math.exp(-elapsedMs / this.#tauMs) : this.#valueMs;
  }
}
