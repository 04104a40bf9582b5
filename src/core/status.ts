import type { Endpoint } from './endpoint.js';
import type { Telemetry } from './telemetry.js';

/** Handshake times of a recent window; all zero when `count` is 0. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A backend as the balancer of one VIP sees it. */
export interface BackendStatus {
  readonly backend: Endpoint;
  /** Handshakes in flight. */
  readonly pending: number;
  readonly successes: number;
  readonly failures: number;
  readonly consecutiveFailures: number;
  /** Whether its circuit is closed: it takes connections like any other. */
  readonly available: boolean;
  /** Whether its node can be reached, as far as the mesh knows; true without a mesh. */
  readonly reachable: boolean;
  /** Peak-EWMA of the handshake time; undefined before the first handshake. */
  readonly ewmaMs: number | undefined;
  /** The last 60 seconds. */
  readonly recent: LatencySummary;
}

export interface VipStatus {
  readonly vip: Endpoint;
  readonly backendCount: number;
  /** Handshakes in flight to its backends together. */
  pending(): number;
  /** Whom it balances among. */
  endpoints(): Iterable<Endpoint>;
  /** Made while it is read, so that whoever walks many VIPs decides how much to do at a time. */
  backends(): Iterable<BackendStatus>;
}

export interface SourceStatus {
  readonly name: string;
  /** Whether the last reading succeeded. */
  readonly ok: boolean;
  /** Age of the last good reading; undefined when there was none yet. */
  readonly lastGoodAgeMs: number | undefined;
  /** Readings that failed. */
  readonly errors: number;
  readonly lastError: string | undefined;
  readonly vips: number;
}

/**
 * An NFQUEUE: what its counters say, and how many packets wait for a verdict of ours. What is undefined the kernel
 * does not show to this user.
 */
export interface QueueStatus {
  readonly number: number;
  readonly received: number;
  readonly depth: number | undefined;
  readonly droppedFull: number | undefined;
  readonly droppedNoBuffer: number | undefined;
  readonly overruns: number;
  readonly unreadable: number;
  readonly outstanding: number;
}

/** A member of the mesh as this node knows it. */
export interface MemberStatus {
  readonly endpoint: Endpoint;
  readonly name: string;
  readonly reachable: boolean;
  /** Links on the shortest way; undefined where there is none. */
  readonly distance: number | undefined;
  /** Whether it is a neighbour. */
  readonly active: boolean;
  /** Whether it said good-bye. */
  readonly left: boolean;
}

/** What a member says of itself. */
export interface AdjacencyStatus {
  readonly endpoint: Endpoint;
  readonly name: string;
  readonly epoch: number;
  readonly counter: number;
  readonly neighbours: readonly Endpoint[];
  /** VIPs that it adverts. */
  readonly vips: number;
}

/** The mesh, to be looked at. */
export interface MeshStatus {
  readonly self: { readonly endpoint: Endpoint; readonly name: string };
  members(): Iterable<MemberStatus>;
  adjacency(): Iterable<AdjacencyStatus>;
  /** Neighbours with the usual round trip to them, once it was measured. */
  neighbours(): Iterable<{
    readonly endpoint: Endpoint;
    readonly name: string;
    readonly roundTripMs: number | undefined;
  }>;
  /** Whether a neighbour was found to know just what we know. */
  readonly synchronised: boolean;
  /** The longest of the shortest ways. */
  readonly treeDepth: number;
  readonly counters: Readonly<MeshCounters>;
  readonly traffic: MeshTraffic;
}

/** What the mesh did since the node started; only grows. */
export interface MeshCounters {
  pings: number;
  /** Neighbours that were cut because they were silent. */
  cuts: number;
  /** Cut neighbours that proved to live: a path led to them all the time, or again at once. */
  falseCuts: number;
  /** Records in our own name that others had made, or remembered from another life, and that were refuted. */
  refutations: number;
  /** Peers whose link was cut because they sent what no peer sends. */
  expelled: number;
}

export interface MeshTraffic {
  /** Octets of frames' payloads, without the transport's own headers. */
  readonly sentBytes: number;
  readonly sentFrames: number;
  readonly receivedBytes: number;
  readonly receivedFrames: number;
  /** Links cut because the peer did not take what was sent. */
  readonly slowLinks: number;
  /** Attempts to open a link, from outside, that proved no key. */
  readonly unauthenticated: number;
}

/**
 * A node, to be looked at. Answers come from memory at once and are of this moment. An iterator may be
 * left for a while and taken up again, while VIPs come and go: each VIP that is there throughout is seen
 * exactly once, as with a `Map`.
 */
export interface NodeStatus {
  readonly counters: Telemetry;
  vips(): Iterable<VipStatus>;
  vip(vip: Endpoint): VipStatus | undefined;
  sources(): readonly SourceStatus[];
  queues(): readonly QueueStatus[];
  /** Use of the kernel's connection table; undefined on a node without a data plane. */
  conntrack(): { readonly count: number; readonly max: number } | undefined;
  /** Undefined on a node that runs alone. */
  mesh(): MeshStatus | undefined;
  /** How often each actor was restarted, by its path. */
  restarts(): ReadonlyMap<string, number>;
  /** Whether the node does its work; `reasons` says what it lacks otherwise. */
  healthy(): { readonly ok: boolean; readonly reasons: readonly string[] };
}
