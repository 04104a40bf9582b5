/** Delays that double from `leastMs` to `mostMs`, each spread by a quarter either way so that nobody marches in step. */
export class BackOff {
  readonly #leastMs: number;
  readonly #mostMs: number;
  #nextMs: number;

  constructor(leastMs: number, mostMs: number) {
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
    this.#nextMs = leastMs;
  }

  next(random: () => number): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(this.#mostMs, 2 * delayMs);
    return delayMs * (0.75 + 0.5 * random());
  }

  reset(): void {
    this.#nextMs = this.#leastMs;
  }
}
