import type { Endpoint } from '../core/endpoint.js';
import type { VipsReading } from '../core/last-vips.js';
import type { SourceWarning, VipsDelta } from '../core/vips.js';
import type { SourceReading } from '../ports/sources.js';

/** A reading as it travels between threads: its delta packed, so that handing it over copies nothing. */
export type EncodedReading =
  | { readonly kind: 'unchanged'; readonly token: string; readonly warnings: readonly SourceWarning[] }
  | {
      readonly kind: 'changed';
      readonly token: string;
      readonly reset: boolean;
      readonly delta: Float64Array<ArrayBuffer>;
      readonly warnings: readonly SourceWarning[];
    }
  | { readonly kind: 'failed'; readonly reason: string };

/** Packs a reading for its way to another thread. */
export function encodeReading(reading: VipsReading): EncodedReading {
  return reading.kind === 'changed' ? { ...reading, delta: encodeDelta(reading.delta) } : reading;
}

/** The number of upserts; for each its VIP, how many backends, and these; then the VIPs removed. */
export function encodeDelta(delta: VipsDelta): Float64Array<ArrayBuffer> {
  let length = 1 + delta.removed.length;
  for (const backends of delta.upserts.values()) length += 2 + backends.size;
  const packed = new Float64Array(length);
  packed[0] = delta.upserts.size;
  let at = 1;
  for (const [vip, backends] of delta.upserts) {
    packed[at++] = vip;
    packed[at++] = backends.size;
    for (const backend of backends) packed[at++] = backend;
  }
  for (const vip of delta.removed) packed[at++] = vip;
  return packed;
}

/** How many endpoints are unpacked at a stretch: below a millisecond. */
const STRETCH = 4000;

/**
 * Unpacks a reading and hands it to `done`, at once if it is small. A large one is unpacked over several
 * turns of the event loop, because 10,000 VIPs of 10 backends are 100,000 set insertions, and a SYN that
 * arrives meanwhile must not wait for all of them.
 */
export function decodeReading(encoded: EncodedReading, done: (reading: SourceReading) => void): void {
  if (encoded.kind !== 'changed') {
    done(encoded);
    return;
  }
  const { token, reset, delta: packed, warnings } = encoded;
  const upserts = new Map<Endpoint, ReadonlySet<Endpoint>>();
  const size = packed[0] ?? 0;
  let at = 1;
  const unpack = () => {
    const pause = at + STRETCH;
    while (upserts.size < size && at < pause) {
      const vip = packed[at] as Endpoint;
      const end = at + 2 + packed[at + 1]!;
      const backends = new Set<Endpoint>();
      for (at += 2; at < end; at++) backends.add(packed[at] as Endpoint);
      upserts.set(vip, backends);
    }
    if (upserts.size < size) {
      setImmediate(unpack);
      return;
    }
    const removed = Array.from(packed.subarray(at)) as Endpoint[];
    done({ kind: 'changed', token, reset, delta: { upserts, removed }, warnings });
  };
  unpack();
}
