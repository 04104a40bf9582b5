/**
 * Counts of observations in fixed buckets, as Prometheus has them. An observation costs a short search and
 * two additions and allocates nothing, so that it may be made for every connection.
 */
export class Histogram {
  /** Upper bounds, ascending, inclusive; what lies above the last one is counted in one more bucket. */
  readonly bounds: readonly number[];
  /** How many fell in each bucket (not cumulative); one longer than `bounds`. */
  readonly counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    for (let i = 1; i < bounds.length; i += 1) {
      if (!(bounds[i]! > bounds[i - 1]!)) throw new RangeError('histogram bounds must ascend');
    }
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Negative values, which a clock read in the wrong order could give, count as 0; NaN is ignored. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    const counted = Math.max(0, value);
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (counted <= this.bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    this.counts[low] = this.counts[low]! + 1;
    this.#sum += counted;
    this.#count += 1;
  }
}
