import type { Endpoint } from '../core/endpoint.js';
import type { AddressSet } from './address-set.js';
import type { Conntrack } from './conntrack.js';
import type { Firewall } from './firewall.js';
import type { Log } from './log.js';
import type { MemberStore, Mesh, Peer } from './mesh.js';
import type { PacketQueues } from './packet-queue.js';
import type { Random } from './random.js';
import type { Routes } from './routes.js';
import type { Source } from './sources.js';
import type { Clock, Timers } from './time.js';

/** The kernel of one host, as far as the data plane needs it. */
export interface Kernel {
  readonly queues: PacketQueues;
  readonly conntrack: Conntrack;
  readonly routes: Routes;
  readonly firewall: Firewall;
  readonly addressSet: AddressSet;
}

/** Everything a node may ask of the world around it. The daemon passes the real one, the simulator its own. */
export interface World {
  readonly clock: Clock;
  readonly timers: Timers;
  /** A stream of its own for each purpose. */
  random(purpose: string): Random;
  readonly log: Log;
  /** Absent on a node that only watches. */
  readonly kernel: Kernel | undefined;
  /** The configured sources, in order. */
  readonly sources: readonly SourceEntry[];
  /** Absent on a node that runs alone. */
  readonly mesh?: MeshAccess | undefined;
}

/** What a node needs to be a member of the mesh. */
export interface MeshAccess {
  readonly mesh: Mesh;
  /** This node, as the transport presents it to others. */
  readonly self: Peer;
  /** Members to ask first. */
  readonly contacts: readonly Endpoint[];
  readonly store: MemberStore;
}

export interface SourceEntry {
  readonly source: Source;
  readonly pollIntervalMs: number;
  /** What it said last counts no longer when it could not be read for so long; for ever if undefined. */
  readonly expiresAfterMs?: number;
  /** Whether the other nodes are told what it says: it speaks of this node, and they do not read it themselves. */
  readonly advertise?: boolean;
}
