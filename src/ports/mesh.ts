import type { CloseReason, DialFailure, MeshLink } from '../core/cluster/peer.js';
import type { Endpoint } from '../core/endpoint.js';
import type { MeshTraffic } from '../core/status.js';

export type { CloseReason, DialFailure, MeshLink, Peer } from '../core/cluster/peer.js';
export type { MeshTraffic } from '../core/status.js';

export type MeshEvent =
  | { readonly kind: 'opened'; readonly link: MeshLink }
  /** `atMs`: when the frame was read, on the world's monotonic clock. The receiver may keep `frame`. */
  | { readonly kind: 'frame'; readonly id: number; readonly frame: Uint8Array; readonly atMs: number }
  | { readonly kind: 'closed'; readonly id: number; readonly reason: CloseReason }
  | { readonly kind: 'dial-failed'; readonly to: Endpoint; readonly reason: DialFailure };

/**
 * Links to other daemons: reliable and in order while a link stands, nothing beyond its end. What was sent just before
 * the end may or may not have arrived. No method blocks or throws; events come later, never from inside a call.
 *
 * Two links with one peer may stand at a time (each side dialled the other): which of them stays is the receiver's
 * business. Every link is opened once and closed once, and frames of a link come between the two.
 */
export interface Mesh {
  /** Replaces the receiver. Links that stand are not told of again: ask `links`. */
  receive(deliver: (events: readonly MeshEvent[]) => void): void;
  /** The links that stand now and were delivered as `opened`. */
  links(): readonly MeshLink[];
  /** Answers with exactly one `opened` (of a dialled link with that peer's endpoint) or `dial-failed`, within `timeoutMs`. */
  dial(to: Endpoint, timeoutMs: number): void;
  /**
   * Sends one frame, of at most `maxFrameBytes`; silently nothing when the link is closed. A link on which too much waits to be taken is
   * closed (`slow`), never buffered without bound. Nobody may change `frame` afterwards: it
   * may be sent over several links.
   */
  send(id: number, frame: Uint8Array): void;
  /** Ends the link; `closed` follows. Nothing of it is delivered after this returns, except that. */
  close(id: number, reason: CloseReason): void;
  traffic(): MeshTraffic;
  readonly maxFrameBytes: number;
}

export interface SavedMember {
  readonly endpoint: Endpoint;
  readonly name: string;
}

/** What a daemon remembers of the mesh from one start to the next. */
export interface SavedMembers {
  /** The number of the last start whose records were published. */
  readonly epoch: number;
  /** Whom it knew, those likeliest to answer first. */
  readonly members: readonly SavedMember[];
}

/**
 * The disk. Never throws, never blocks for long; a disk that cannot be written costs one log event, not one a save. What was
 * saved last may be lost in a crash, but never half of it.
 */
export interface MemberStore {
  /** Undefined when there is nothing, or nothing that can be read. */
  load(): SavedMembers | undefined;
  save(members: SavedMembers): void;
}
