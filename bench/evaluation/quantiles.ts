import { quantile, rank } from '../report.js';

/** Of some values; all undefined for none. A value that was never reached is infinite. */
export interface Quantiles {
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => quantile(sorted, share);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) };
}

const LEAST_MS = 0.05;
const RATIO = 1.01;
const BUCKETS = 1_300;

/**
 * Latencies of many requests in little memory, to be added up in any order: a quantile is right to one percent, the longest and
 * the mean are exact.
 */
export class Latencies {
  count = 0;
  private sum = 0;
  private longest = 0;
  private readonly buckets = new Uint32Array(BUCKETS);

  add(ms: number): void {
    this.count += 1;
    this.sum += ms;
    this.longest = Math.max(this.longest, ms);
    const at = Math.ceil(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(RATIO));
    const bucket = Math.min(BUCKETS - 1, at);
    this.buckets[bucket] = this.buckets[bucket]! + 1;
  }

  get mean(): number | undefined {
    return this.count === 0 ? undefined : this.sum / this.count;
  }

  get quantiles(): Quantiles {
    const max = this.count === 0 ? undefined : this.longest;
    return { p50: this.at(0.5), p95: this.at(0.95), p99: this.at(0.99), max };
  }

  private at(share: number): number | undefined {
    if (this.count === 0) return undefined;
    let left = rank(share, this.count) + 1;
    for (const [bucket, count] of this.buckets.entries()) {
      left -= count;
      if (left <= 0) return Math.min(this.longest, LEAST_MS * RATIO ** bucket);
    }
    return this.longest;
  }
}
