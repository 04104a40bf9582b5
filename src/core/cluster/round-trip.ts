const KEPT = 8;

/**
 * What round trip to expect: the second longest of the last eight, and half as much again. A packet that TCP had to repeat
 * makes one answer 200 ms late or more; a smoothed mean and variance (Jacobson 1988) would make us wait the longer for many
 * pings after it. One such answer in eight is overlooked here; a way that really became longer is believed from the second on.
 */
export class RoundTrip {
  readonly #latest: number[] = [];
  /** The same, ascending: asked for several times as often as it changes. */
  readonly #sorted: number[] = [];

  measured(rttMs: number): void {
    const sorted = this.#sorted;
    this.#latest.push(rttMs);
    if (this.#latest.length > KEPT) sorted.splice(sorted.indexOf(this.#latest.shift()!), 1);
    const longer = sorted.findIndex((other) => other > rttMs);
    sorted.splice(longer < 0 ? sorted.length : longer, 0, rttMs);
  }

  /** The median of the latest, or undefined before any. */
  get typicalMs(): number | undefined {
    return this.#sorted[this.#sorted.length >> 1];
  }

  expectedMs(unmeasuredMs: number): number {
    const longest = this.#sorted.at(this.#sorted.length > 2 ? -2 : -1);
    return longest === undefined ? unmeasuredMs : 1.5 * longest;
  }
}
