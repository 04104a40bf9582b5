import type { Endpoint } from '../../core/endpoint.js';

const SMALLEST = 64;

/**
 * Things found by a pair of endpoints, as packets name them. Open addressing with linear probing over flat arrays
 * (Knuth, The Art of Computer Programming 3, 6.4, algorithms L and R): a connection that lingers costs no objects
 * but itself.
 */
export class TupleTable<T extends object> {
  private froms = new Float64Array(SMALLEST);
  private tos = new Float64Array(SMALLEST);
  private values: (T | undefined)[] = new Array<T | undefined>(SMALLEST).fill(undefined);
  private mask = SMALLEST - 1;
  private count = 0;

  /** Tuples in the table. */
  get size(): number {
    return this.count;
  }

  find(from: Endpoint, to: Endpoint): T | undefined {
    return this.values[this.placeOf(from, to)];
  }

  /** The tuple is not in the table yet. */
  add(from: Endpoint, to: Endpoint, value: T): void {
    if (this.count * 2 >= this.mask) this.grow();
    const at = this.placeOf(from, to);
    this.froms[at] = from;
    this.tos[at] = to;
    this.values[at] = value;
    this.count += 1;
  }

  remove(from: Endpoint, to: Endpoint): void {
    const { froms, tos, values, mask } = this;
    let hole = this.placeOf(from, to);
    if (values[hole] === undefined) return;
    this.count -= 1;
    // Whoever was pushed on by the one that goes moves up, unless it would come before its own place.
    for (let at = (hole + 1) & mask; values[at] !== undefined; at = (at + 1) & mask) {
      const own = hashOf(froms[at]!, tos[at]!) & mask;
      if (((at - own) & mask) < ((at - hole) & mask)) continue;
      froms[hole] = froms[at]!;
      tos[hole] = tos[at]!;
      values[hole] = values[at];
      hole = at;
    }
    values[hole] = undefined;
  }

  /**
   * Calls `each` with every tuple's thing and the place of the tuple, in no order that means anything but the same
   * in each run.
   */
  forEach(each: (value: T, place: number) => void): void {
    const { values } = this;
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at];
      if (value !== undefined) each(value, at);
    }
  }

  /** Whether it is this tuple that has the place. */
  isAt(place: number, from: Endpoint, to: Endpoint): boolean {
    return this.froms[place] === from && this.tos[place] === to;
  }

  /** The things of up to `most` tuples that lie together, from a place that `random` (below 1) says. */
  some(random: number, most: number): readonly T[] {
    const found: T[] = [];
    const { values, mask } = this;
    const first = Math.floor(random * values.length);
    for (let step = 0; step <= mask && found.length < most; step += 1) {
      const value = values[(first + step) & mask];
      if (value !== undefined) found.push(value);
    }
    return found;
  }

  clear(): void {
    this.allocate(SMALLEST);
  }

  /** Where the tuple is, or would be. */
  private placeOf(from: number, to: number): number {
    const { froms, tos, values, mask } = this;
    let at = hashOf(from, to) & mask;
    while (values[at] !== undefined && (froms[at] !== from || tos[at] !== to)) at = (at + 1) & mask;
    return at;
  }

  private grow(): void {
    const { froms, tos, values } = this;
    this.allocate(values.length * 2);
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at];
      if (value !== undefined) this.add(froms[at] as Endpoint, tos[at] as Endpoint, value);
    }
  }

  private allocate(capacity: number): void {
    this.froms = new Float64Array(capacity);
    this.tos = new Float64Array(capacity);
    this.values = new Array<T | undefined>(capacity).fill(undefined);
    this.mask = capacity - 1;
    this.count = 0;
  }
}

/** 32 bits over two numbers of 48: the rounds of MurmurHash3 (Appleby 2011). */
export function hashOf(from: number, to: number): number {
  let hash = mix(0, from | 0);
  hash = mix(hash, (from / 0x1_0000_0000) | 0);
  hash = mix(hash, to | 0);
  hash = mix(hash, (to / 0x1_0000_0000) | 0);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e2d51);
  scrambled = Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  const mixed = hash ^ scrambled;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
