import { bucketOf, epochOf, LatencyWindow } from './latency-window.js';

/** A line is 64 bytes: two 32-bit floats, the count, and then a bucket number a byte. */
const LINE_BYTES = 64;
const LINE_FLOATS = LINE_BYTES / 4;
const EPOCH = 0;
const MAX_MS = 1;
const HELD = 8;
const FIRST_BUCKET = 9;
const HELD_MOST = LINE_BYTES - FIRST_BUCKET;

/**
 * The latest latencies of many backends, a cache line each, as the buckets they fall in. They go on to the
 * backend's window many at a time, because a window is large: of ten thousand hardly one is in the
 * processor's cache. All latencies in a line are of the same ten seconds.
 */
export class LatencyLines {
  readonly #bytes: Uint8Array;
  readonly #floats: Float32Array;

  constructor(lines: number) {
    this.#bytes = new Uint8Array(LINE_BYTES * lines);
    this.#floats = new Float32Array(this.#bytes.buffer);
  }

  /** Holds a latency in the line; false when that must be handed on first. */
  add(line: number, latencyMs: number, nowMs: number): boolean {
    const at = line * LINE_BYTES;
    const floats = line * LINE_FLOATS;
    const held = this.#bytes[at + HELD]!;
    const epoch = epochOf(nowMs);
    if (held === 0) {
      this.#floats[floats + EPOCH] = epoch;
      this.#floats[floats + MAX_MS] = latencyMs;
    } else if (held === HELD_MOST || this.#floats[floats + EPOCH] !== epoch) {
      return false;
    } else if (latencyMs > this.#floats[floats + MAX_MS]!) {
      this.#floats[floats + MAX_MS] = latencyMs;
    }
    this.#bytes[at + FIRST_BUCKET + held] = bucketOf(latencyMs);
    this.#bytes[at + HELD] = held + 1;
    return true;
  }

  /** Empties the line into `window`, which is made if it is needed. */
  handOn(line: number, window: LatencyWindow | undefined): LatencyWindow | undefined {
    const at = line * LINE_BYTES;
    const held = this.#bytes[at + HELD]!;
    if (held === 0) return window;
    const buckets = this.#bytes.subarray(at + FIRST_BUCKET, at + FIRST_BUCKET + held);
    const floats = line * LINE_FLOATS;
    const made = window ?? new LatencyWindow();
    made.record(buckets, this.#floats[floats + MAX_MS]!, this.#floats[floats + EPOCH]!);
    this.#bytes[at + HELD] = 0;
    return made;
  }
}
