import type { Endpoint } from '../endpoint.js';
import type { RecordKind, SealedRecord, Version } from './record.js';

/** How badly a node wants to be somebody's neighbour. */
export type NeighbourPriority =
  /** Only if there is room. */
  | 'low'
  /** It has no neighbour at all: make room. */
  | 'high'
  /** It is where a walk for the one asked ended, and the asked one has just joined. */
  | 'walk';

/** What failure detectors say to each other. */
export type PingMessage =
  | { readonly kind: 'ping' | 'pong'; readonly seq: number; readonly tableHash: number }
  /** I hear nothing from `target`: ping it now if it is your neighbour, else pass this on while there are `steps`. */
  | { readonly kind: 'suspect'; readonly target: Endpoint; readonly steps: number };

/** HyParView's messages. Who sent one is what its link says. */
export type OverlayMessage =
  | { readonly kind: 'join' }
  | { readonly kind: 'forward-join'; readonly joiner: Endpoint; readonly ttl: number }
  | { readonly kind: 'neighbour'; readonly priority: NeighbourPriority }
  | { readonly kind: 'neighbour-answer'; readonly accepted: boolean }
  | { readonly kind: 'disconnect' }
  | {
      readonly kind: 'shuffle';
      readonly ttl: number;
      /** Who passed it on so far, its origin first: the answer goes back this way. */
      readonly path: readonly Endpoint[];
      readonly peers: readonly Endpoint[];
    }
  /** `path`: who is still to pass it on, the last one first in turn. */
  | {
      readonly kind: 'shuffle-reply';
      readonly path: readonly Endpoint[];
      readonly peers: readonly Endpoint[];
    };

/** A record's key, version and hash: enough to know whether one has it. */
export interface DigestEntry extends Version {
  readonly origin: Endpoint;
  readonly kind: RecordKind;
  readonly hash: number;
}

export interface RecordKey {
  readonly origin: Endpoint;
  readonly kind: RecordKind;
}

export type GossipMessage =
  | { readonly kind: 'records'; readonly records: readonly SealedRecord[] }
  /** A hash for each of the table's buckets. */
  | { readonly kind: 'summary'; readonly hashes: readonly number[] }
  /** All that is known in the buckets whose bits are set in `mask`. */
  | { readonly kind: 'digest'; readonly mask: number; readonly entries: readonly DigestEntry[] }
  | { readonly kind: 'want'; readonly keys: readonly RecordKey[] };

/** A message and the link by which it came. */
export interface Received {
  readonly id: number;
  readonly message: GossipMessage;
}

export type Message = PingMessage | OverlayMessage | GossipMessage;
