import { compareSealed, keyOf, type SealedRecord } from './record.js';

/** Frames of records are about this long at most, unless a single record is longer. */
const FRAME_OCTETS = 16_384;

/**
 * Records that wait for one link, the newest of each origin and kind: what is overtaken while it waits is never sent, so the
 * queue is no longer than the table.
 */
export class RecordQueue {
  readonly #waiting = new Map<number, SealedRecord>();
  readonly #mergeMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #dueMs: number | undefined;

  constructor(mergeMs: number) {
    this.#mergeMs = mergeMs;
  }

  /** When to take what waits: at once after a silence, else so late that frames are `mergeMs` apart. */
  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  /** To be sent after `delayMs`, or sooner along with what is more urgent. */
  add(sealed: SealedRecord, nowMs: number, delayMs = 0): void {
    const key = keyOf(sealed.record.origin, sealed.record.kind);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && compareSealed(waiting, sealed) >= 0) return;
    this.#waiting.set(key, sealed);
    const dueMs = Math.max(nowMs + delayMs, this.#lastMs + this.#mergeMs);
    if (this.#dueMs === undefined || dueMs < this.#dueMs) this.#dueMs = dueMs;
  }

  /** The peer has this one. */
  known(sealed: SealedRecord): void {
    if (this.#waiting.size === 0) return;
    const key = keyOf(sealed.record.origin, sealed.record.kind);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || compareSealed(waiting, sealed) > 0) return;
    this.#waiting.delete(key);
    if (this.#waiting.size === 0) this.#dueMs = undefined;
  }

  /** What waits, a list for each frame. */
  take(nowMs: number): SealedRecord[][] {
    const frames: SealedRecord[][] = [];
    let octets = FRAME_OCTETS;
    for (const sealed of this.#waiting.values()) {
      if (octets + sealed.octets.length > FRAME_OCTETS) {
        frames.push([]);
        octets = 0;
      }
      frames.at(-1)!.push(sealed);
      octets += sealed.octets.length + 3;
    }
    this.#waiting.clear();
    this.#dueMs = undefined;
    this.#lastMs = nowMs;
    return frames;
  }
}
