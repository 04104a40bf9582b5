/** How long the way between two hosts takes when nothing is wrong, in milliseconds. */
export interface LatencyRange {
  readonly minMs: number;
  readonly maxMs: number;
}

const USUAL: LatencyRange = { minMs: 0.2, maxMs: 1 };
/** Of the range: how much of it lies between pairs of hosts; the rest is between what travels one pair's way. */
const BETWEEN_PAIRS = 0.8;
const HOSTS_MOST = 1 << 20;

/**
 * The latency of each directed pair of hosts, as a function of the seed and nothing else: a thousand hosts
 * cost no million links, and no draw shifts another. Only what a plan sets otherwise is stored.
 */
export class Latency {
  private readonly salt: number;
  private usual = USUAL;
  private readonly exceptions = new Map<number, LatencyRange>();

  constructor(salt: number) {
    this.salt = salt;
  }

  /** For all pairs without a range of their own. To be set before anything travels, or connections may see disorder. */
  setUsual(range: LatencyRange): void {
    this.usual = range;
  }

  /** For what travels from one host to another; hosts by their index. */
  set(from: number, to: number, range: LatencyRange): void {
    this.exceptions.set(from * HOSTS_MOST + to, range);
  }

  /**
   * From one host to another. What has the same `token` (a number of the connection, or of a message in it)
   * takes the same time.
   */
  between(from: number, to: number, token: number): number {
    const { minMs, maxMs } =
      this.exceptions.size === 0 ? this.usual : (this.exceptions.get(from * HOSTS_MOST + to) ?? this.usual);
    if (minMs === maxMs) return minMs;
    const pair = mix(mix(this.salt, from), to);
    const share = BETWEEN_PAIRS * (pair / 2 ** 32) + (1 - BETWEEN_PAIRS) * (mix(pair, token) / 2 ** 32);
    return minMs + share * (maxMs - minMs);
  }
}

/** Two numbers to 32 evenly spread bits: the finaliser of MurmurHash3 (Appleby 2011). */
export function mix(salt: number, value: number): number {
  let word = (salt + Math.imul(value | 0, 0x9e3779b9)) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
