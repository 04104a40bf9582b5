import type { Backend } from './backend.js';

const HELD_MOST = 64;

/**
 * Latencies on their way to their backends, a batch at a time: the waits for the memory of many backends
 * overlap within a batch, while one by one every handshake would pay its own.
 */
export class LatencyLog {
  readonly #backends: Backend[] = [];
  readonly #latencyMs = new Float64Array(HELD_MOST);
  readonly #atMs = new Float64Array(HELD_MOST);

  add(backend: Backend, latencyMs: number, atMs: number): void {
    const held = this.#backends.push(backend);
    this.#latencyMs[held - 1] = latencyMs;
    this.#atMs[held - 1] = atMs;
    if (held === HELD_MOST) this.flush();
  }

  /** After this every backend knows of its latencies. */
  flush(): void {
    for (let i = 0; i < this.#backends.length; i += 1) {
      this.#backends[i]!.remember(this.#latencyMs[i]!, this.#atMs[i]!);
    }
    this.#backends.length = 0;
  }
}
