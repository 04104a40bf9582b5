import type { LatencySummary } from '../status.js';

const SLOTS = 6;
const SLOT_MS = 10_000;
/** Four buckets an octave from 1/16 ms to 65 s: a quantile is exact to about 19 %. */
const BUCKETS_PER_OCTAVE = 4;
const LOWEST_OCTAVE = -4;
const BUCKETS = 81;

/** A slot: which ten seconds it is about, how many latencies, the longest, and how many in each bucket. */
const EPOCH = 0;
const COUNT = 1;
const MAX_MS = 2;
const FIRST_BUCKET = 3;
const SLOT = FIRST_BUCKET + BUCKETS;
/** Epochs are counted modulo this, so that 32-bit floats hold them exactly; it takes four months to come round. */
const EPOCHS = 1_000_000;

export const NO_LATENCIES: LatencySummary = { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 };

/** Latencies that are kept one by one before there are slots. */
const FEW = 8;

/**
 * Latencies of the last minute as a histogram per ten seconds, 336 bytes each. They are made when they are first
 * written to and used again after that, and not before there are more than a few latencies: most backends of most nodes get
 * a connection now and then, and no more. Counts are exact to 16 million per bucket and slot.
 */
export class LatencyWindow {
  /** Each latency behind its epoch, oldest first; undefined once there are slots. */
  #few: number[] | undefined;
  #slots: (Float32Array | undefined)[] | undefined;

  record(latencyMs: number, nowMs: number): void {
    const epoch = epochOf(nowMs);
    if (this.#slots !== undefined) addTo(slotOf(this.#slots, epoch), latencyMs);
    else if (this.#few === undefined) this.#few = [epoch, latencyMs];
    else {
      if (this.#few.length === 2 * FEW) this.#few = youngOf(this.#few, epoch);
      this.#few.push(epoch, latencyMs);
      if (this.#few.length <= 2 * FEW) return;
      this.#slots = slotsOf(this.#few);
      this.#few = undefined;
    }
  }

  summary(nowMs: number): LatencySummary {
    const epoch = epochOf(nowMs);
    const merged = new Float64Array(BUCKETS);
    let count = 0;
    let maxMs = 0;
    for (const slot of this.#slots ?? slotsOf(this.#few ?? [])) {
      if (slot === undefined || isOver(slot[EPOCH]!, epoch)) continue;
      count += slot[COUNT]!;
      maxMs = Math.max(maxMs, slot[MAX_MS]!);
      for (let i = 0; i < BUCKETS; i += 1) merged[i] = merged[i]! + slot[FIRST_BUCKET + i]!;
    }
    if (count === 0) return NO_LATENCIES;
    const quantile = (share: number): number => {
      let seen = 0;
      for (let i = 0; i < BUCKETS; i += 1) {
        seen += merged[i]!;
        if (seen >= share * count) return Math.min(maxMs, upperBoundMs(i));
      }
      return maxMs;
    };
    return { count, p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99), maxMs };
  }
}

/** The slots that the latencies would be in, had there been slots when they came. */
function slotsOf(few: readonly number[]): (Float32Array | undefined)[] {
  const slots: (Float32Array | undefined)[] = [];
  for (let at = 0; at < few.length; at += 2) addTo(slotOf(slots, few[at]!), few[at + 1]!);
  return slots;
}

/** Without those that are forgotten by now. */
function youngOf(few: readonly number[], now: number): number[] {
  const young: number[] = [];
  for (let at = 0; at < few.length; at += 2) if (!isOver(few[at]!, now)) young.push(few[at]!, few[at + 1]!);
  return young;
}

function slotOf(slots: (Float32Array | undefined)[], epoch: number): Float32Array {
  const at = epoch % SLOTS;
  const known = slots[at];
  if (known?.[EPOCH] === epoch) return known;
  const slot = known?.fill(0) ?? new Float32Array(SLOT);
  slot[EPOCH] = epoch;
  slots[at] = slot;
  return slot;
}

function addTo(slot: Float32Array, latencyMs: number): void {
  const bucket = FIRST_BUCKET + bucketOf(latencyMs);
  slot[bucket] = slot[bucket]! + 1;
  slot[COUNT] = slot[COUNT]! + 1;
  if (latencyMs > slot[MAX_MS]!) slot[MAX_MS] = latencyMs;
}

function isOver(epoch: number, now: number): boolean {
  return (now - epoch + EPOCHS) % EPOCHS >= SLOTS;
}

function epochOf(nowMs: number): number {
  return Math.floor(nowMs / SLOT_MS) % EPOCHS;
}

function bucketOf(latencyMs: number): number {
  if (latencyMs <= 0) return 0;
  const bucket = Math.ceil((Math.log2(latencyMs) - LOWEST_OCTAVE) * BUCKETS_PER_OCTAVE);
  return Math.min(BUCKETS - 1, Math.max(0, bucket));
}

function upperBoundMs(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_OCTAVE + LOWEST_OCTAVE);
}
