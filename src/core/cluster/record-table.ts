import type { Endpoint } from '../endpoint.js';
import {
  type AdjacencyRecord,
  type AdvertRecord,
  compareSealed,
  mix32,
  type RecordKind,
  type SealedRecord,
} from './record.js';
import { BUCKETS } from './wire.js';

/** What is known of one node. */
export interface MemberRecords {
  /** Where it is in summaries. */
  readonly bucket: number;
  adjacency: SealedRecord<AdjacencyRecord> | undefined;
  advert: SealedRecord<AdvertRecord> | undefined;
}

/** `newer`: it is kept now; `known`: it was there; `older`: a later one was; `full`: no room for one more node. */
export type MergeOutcome = 'newer' | 'known' | 'older' | 'full';

/** The newest record of each kind that was heard of each node. Merging is idempotent and its order does not matter. */
export class RecordTable {
  readonly #members = new Map<Endpoint, MemberRecords>();
  readonly #most: number;
  #revision = 0;
  #memberRevision = 0;

  constructor(most = 10_000) {
    this.#most = most;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Changes with every change. */
  get revision(): number {
    return this.#revision;
  }

  /** Changes whenever somebody became known, left, is back, or was deleted. */
  get memberRevision(): number {
    return this.#memberRevision;
  }

  get(origin: Endpoint): Readonly<MemberRecords> | undefined {
    return this.#members.get(origin);
  }

  record(origin: Endpoint, kind: RecordKind): SealedRecord | undefined {
    return this.#members.get(origin)?.[kind];
  }

  entries(): IterableIterator<[Endpoint, Readonly<MemberRecords>]> {
    return this.#members.entries();
  }

  merge(sealed: SealedRecord): MergeOutcome {
    const { origin, kind } = sealed.record;
    const known = this.#members.get(origin);
    const before = known?.[kind];
    if (before !== undefined) {
      const order = compareSealed(sealed, before);
      if (order <= 0) return order === 0 ? 'known' : 'older';
    }
    if (known === undefined && this.#members.size >= this.#most) return 'full';
    const member = known ?? { bucket: bucketOf(origin), adjacency: undefined, advert: undefined };
    const had = hasLeft(member);
    if (known === undefined) this.#members.set(origin, member);
    if (kind === 'adjacency') member.adjacency = sealed as SealedRecord<AdjacencyRecord>;
    else member.advert = sealed as SealedRecord<AdvertRecord>;
    if (known === undefined || hasLeft(member) !== had) this.#memberRevision += 1;
    this.#revision += 1;
    return 'newer';
  }

  delete(origin: Endpoint): void {
    if (!this.#members.delete(origin)) return;
    this.#revision += 1;
    this.#memberRevision += 1;
  }

  /** For each bucket a hash of its records, whatever their order; only of the origins asked for. */
  summary(includes: (origin: Endpoint) => boolean): readonly number[] {
    const hashes: number[] = new Array(BUCKETS).fill(0);
    for (const [origin, { bucket, adjacency, advert }] of this.#members) {
      if (!includes(origin)) continue;
      const sum = hashes[bucket]! + (adjacency?.hash ?? 0) + mix32(advert?.hash ?? 0);
      hashes[bucket] = sum >>> 0;
    }
    return hashes;
  }
}

/** Whether the last that it said was good-bye. */
export function hasLeft({ adjacency }: Readonly<MemberRecords>): boolean {
  return adjacency?.record.left === true;
}

function bucketOf(origin: Endpoint): number {
  return mix32(Math.floor(origin / 2 ** 16) ^ (origin % 2 ** 16)) % BUCKETS;
}

/** One hash of all buckets. */
export function hashOf(summary: readonly number[]): number {
  let hash = 0;
  for (const part of summary) hash = mix32(hash ^ part) + 0x9e3779b9;
  return hash >>> 0;
}
