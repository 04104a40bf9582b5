import type { Backend } from './backend.js';
import { LatencyWindow } from './latency-window.js';

/** Latencies held back at most. */
const HELD_MOST = 64;

/**
 * Latencies on their way into their backends' windows. They go there a batch at a time, because a window of
 * one among ten thousand backends is hardly ever in the processor's cache: in a batch the waits for memory
 * overlap, one by one each handshake would pay its own.
 */
export class LatencyLog {
  readonly #windows: LatencyWindow[] = [];
  readonly #latencyMs: number[] = [];
  readonly #atMs: number[] = [];

  add(backend: Backend, latencyMs: number, atMs: number): void {
    backend.recent ??= new LatencyWindow();
    this.#windows.push(backend.recent);
    this.#latencyMs.push(latencyMs);
    this.#atMs.push(atMs);
    if (this.#windows.length >= HELD_MOST) this.flush();
  }

  /** After this all windows hold all that was added. */
  flush(): void {
    const { length } = this.#windows;
    for (let i = 0; i < length; i += 1) this.#windows[i]!.touch(this.#latencyMs[i]!, this.#atMs[i]!);
    for (let i = 0; i < length; i += 1) this.#windows[i]!.record(this.#latencyMs[i]!, this.#atMs[i]!);
    this.#windows.length = 0;
    this.#latencyMs.length = 0;
    this.#atMs.length = 0;
  }
}
