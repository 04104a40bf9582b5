import type { Endpoint } from '../endpoint.js';
import type { DigestEntry, RecordKey } from './messages.js';
import { compareClaims, keyOf, RECORD_KINDS, type SealedRecord } from './record.js';
import type { RecordTable } from './record-table.js';
import { DIGEST_MOST } from './wire.js';

/** A digest of some buckets; large tables take several. */
export interface Digest {
  readonly mask: number;
  readonly entries: readonly DigestEntry[];
}

/** Bits of the buckets in which two summaries differ. */
export function differing(ours: readonly number[], theirs: readonly number[]): number {
  let mask = 0;
  for (const [bucket, hash] of ours.entries()) if (hash !== theirs[bucket]) mask |= 1 << bucket;
  return mask >>> 0;
}

/** What is known in the buckets of `mask` of the origins asked for, in digests that fit a message each. */
export function digests(
  table: RecordTable,
  mask: number,
  includes: (origin: Endpoint) => boolean,
): readonly Digest[] {
  const buckets = new Map<number, DigestEntry[]>();
  for (let bucket = 0; bucket < 32; bucket += 1) if ((mask >>> bucket) & 1) buckets.set(bucket, []);
  for (const [origin, { bucket }] of table.entries()) {
    const entries = buckets.get(bucket);
    if (entries === undefined || !includes(origin)) continue;
    for (const kind of RECORD_KINDS) {
      const sealed = table.record(origin, kind);
      // Whoever knows more than fits one message per bucket leaves the rest out; the peer then sends that too much.
      if (sealed !== undefined && entries.length < DIGEST_MOST) entries.push(entryOf(sealed));
    }
  }
  const messages: { mask: number; entries: DigestEntry[] }[] = [];
  for (const [bucket, entries] of buckets) {
    const last = messages.at(-1);
    if (last === undefined || last.entries.length + entries.length > DIGEST_MOST) {
      messages.push({ mask: (1 << bucket) >>> 0, entries });
    } else {
      last.mask = (last.mask | (1 << bucket)) >>> 0;
      last.entries = [...last.entries, ...entries];
    }
  }
  return messages;
}

/** What two tables lack, as one of them sees it that was told the other's digest. */
export interface Difference {
  /** Ours that are later, or that the other did not name at all. */
  readonly send: readonly SealedRecord[];
  /** Theirs that are later. */
  readonly want: readonly RecordKey[];
}

export function compareDigest(
  table: RecordTable,
  { mask, entries }: Digest,
  includes: (origin: Endpoint) => boolean,
): Difference {
  const send: SealedRecord[] = [];
  const want: RecordKey[] = [];
  const named = new Set<number>();
  for (const entry of entries) {
    named.add(keyOf(entry.origin, entry.kind));
    const ours = table.record(entry.origin, entry.kind);
    const order = ours === undefined ? -1 : compareClaims(entryOf(ours), entry);
    // Also of an origin we cannot reach: our later record may be the one that says why.
    if (order > 0) send.push(ours!);
    else if (order < 0) want.push({ origin: entry.origin, kind: entry.kind });
  }
  for (const [origin, { bucket }] of table.entries()) {
    if (((mask >>> bucket) & 1) === 0 || !includes(origin)) continue;
    for (const kind of RECORD_KINDS) {
      const ours = table.record(origin, kind);
      if (ours !== undefined && !named.has(keyOf(origin, kind))) send.push(ours);
    }
  }
  return { send, want };
}

function entryOf({ record, hash }: SealedRecord): DigestEntry {
  return { origin: record.origin, kind: record.kind, epoch: record.epoch, counter: record.counter, hash };
}
