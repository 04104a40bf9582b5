import type { LatencySummary } from '../status.js';

const SLOTS = 6;
const SLOT_MS = 10_000;
/** Four buckets an octave from 1/16 ms to 65 s: a quantile is exact to about 19 %. */
const BUCKETS_PER_OCTAVE = 4;
const LOWEST_OCTAVE = -4;
const BUCKETS = 81;

const NOTHING: LatencySummary = { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 };

/**
 * Latencies of the last minute as a histogram per ten seconds. A slot is made when its first sample comes
 * and reused once it is out of date, so an idle backend costs nothing.
 */
export class LatencyWindow {
  readonly #slots: ({ epoch: number; counts: Uint32Array; count: number; maxMs: number } | undefined)[] = [];

  record(latencyMs: number, nowMs: number): void {
    const epoch = Math.floor(nowMs / SLOT_MS);
    const index = epoch % SLOTS;
    let slot = this.#slots[index];
    if (slot === undefined) {
      slot = { epoch, counts: new Uint32Array(BUCKETS), count: 0, maxMs: 0 };
      this.#slots[index] = slot;
    } else if (slot.epoch !== epoch) {
      slot.epoch = epoch;
      slot.counts.fill(0);
      slot.count = 0;
      slot.maxMs = 0;
    }
    const bucket = bucketOf(latencyMs);
    slot.counts[bucket] = (slot.counts[bucket] ?? 0) + 1;
    slot.count += 1;
    slot.maxMs = Math.max(slot.maxMs, latencyMs);
  }

  summary(nowMs: number): LatencySummary {
    const epoch = Math.floor(nowMs / SLOT_MS);
    const fresh = this.#slots.filter((slot) => slot !== undefined && slot.epoch > epoch - SLOTS);
    const count = fresh.reduce((sum, slot) => sum + (slot?.count ?? 0), 0);
    if (count === 0) return NOTHING;
    const maxMs = Math.max(...fresh.map((slot) => slot?.maxMs ?? 0));
    const merged = new Uint32Array(BUCKETS);
    for (const slot of fresh) {
      for (let i = 0; i < BUCKETS; i += 1) merged[i] = (merged[i] ?? 0) + (slot?.counts[i] ?? 0);
    }
    const quantile = (share: number): number => {
      let seen = 0;
      for (let i = 0; i < BUCKETS; i += 1) {
        seen += merged[i] ?? 0;
        if (seen >= share * count) return Math.min(maxMs, upperBoundMs(i));
      }
      return maxMs;
    };
    return { count, p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99), maxMs };
  }
}

function bucketOf(latencyMs: number): number {
  if (latencyMs <= 0) return 0;
  const bucket = Math.ceil((Math.log2(latencyMs) - LOWEST_OCTAVE) * BUCKETS_PER_OCTAVE);
  return Math.min(BUCKETS - 1, Math.max(0, bucket));
}

function upperBoundMs(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_OCTAVE + LOWEST_OCTAVE);
}
