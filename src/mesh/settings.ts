import type { Peer } from '../core/cluster/peer.js';
import type { Log } from '../ports/log.js';
import type { Clock } from '../ports/time.js';
import type { TlsIdentity } from './tls-files.js';
import type { WaitingRoomLimits } from './waiting-room.js';

export interface MeshLimits extends WaitingRoomLimits {
  /** Octets of the longest frame, either way. */
  readonly maxFrameBytes: number;
  /** Octets that may wait for the kernel on one link; with more the link is cut. */
  readonly maxBufferedBytes: number;
}

export const MESH_LIMITS: MeshLimits = {
  handshakeTimeoutMs: 2000,
  maxWaiting: 256,
  maxWaitingPerAddress: 16,
  maxFrameBytes: 65_536,
  maxBufferedBytes: 1_048_576,
};

export interface MeshSettings {
  /** Listens and dials from `self.endpoint`'s address. */
  readonly self: Peer;
  /** The keys as they are now, of which the first signs. Undefined: TLS alone proves; one of the two is needed. */
  readonly keys: (() => readonly Uint8Array[]) | undefined;
  readonly tls: TlsIdentity | undefined;
  readonly limits: MeshLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** How soon a changed file of keys or certificates is noticed: one `stat` in this time, which also sees one replaced by another. */
export const LOOK_MS = 2000;

/** The one path that a request may ask to be upgraded at. */
export const MESH_PATH = '/mesh';

/** HTTP heads of more octets are refused. Ours have about 200. */
export const MAX_HEAD_BYTES = 2048;

export const TLS_VERSION = 'TLSv1.3';
