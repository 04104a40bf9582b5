import type { Endpoint } from '../endpoint.js';

/** Endpoints that something is held against for a while. */
export class Lapses {
  readonly #sinceMs = new Map<Endpoint, number>();
  readonly #forMs: number;

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  add(peer: Endpoint, nowMs: number): void {
    this.#sinceMs.set(peer, nowMs);
  }

  has(peer: Endpoint): boolean {
    return this.#sinceMs.has(peer);
  }

  delete(peer: Endpoint): void {
    this.#sinceMs.delete(peer);
  }

  expire(nowMs: number): void {
    for (const [peer, atMs] of this.#sinceMs) if (nowMs - atMs >= this.#forMs) this.#sinceMs.delete(peer);
  }
}
