/** Round-trip time, smoothed, and how much it varies (Jacobson 1988, RFC 6298). */
export class RoundTrip {
  #smoothedMs: number | undefined;
  #variationMs = 0;

  get smoothedMs(): number | undefined {
    return this.#smoothedMs;
  }

  measured(rttMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = rttMs;
      this.#variationMs = rttMs / 2;
      return;
    }
    this.#variationMs += (Math.abs(this.#smoothedMs - rttMs) - this.#variationMs) / 4;
    this.#smoothedMs += (rttMs - this.#smoothedMs) / 8;
  }

  /** An answer that takes longer than this is out of the ordinary. */
  expectedMs(unmeasuredMs: number): number {
    return this.#smoothedMs === undefined ? unmeasuredMs : this.#smoothedMs + 4 * this.#variationMs;
  }
}
