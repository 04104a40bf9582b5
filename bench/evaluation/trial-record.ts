import type { RequestRecord } from './workload.js';

/** A connection, or a new attempt of one, that was sent to a backend. */
export interface Placement {
  readonly atMs: number;
  /** The client's port. */
  readonly port: number;
  /** The node that the backend is on. */
  readonly node: string;
}

/** A node cut another, took it for gone, or found a path to it again. */
export interface Sighting {
  readonly atMs: number;
  readonly by: string;
  readonly of: string;
}

/** A client with its loop, and where its connections were sent. */
export interface ClientRecord {
  readonly requests: readonly RequestRecord[];
  readonly placements: readonly Placement[];
}

/** What a trial's world saw. Times in milliseconds from the start of the workload; both worlds fill this in. */
export interface TrialRecord {
  /** When the victims went, and when the last of them was gone for sure. */
  readonly killedMs: number;
  readonly goneMs: number;
  readonly victims: readonly string[];
  readonly survivors: readonly string[];
  readonly open: ClientRecord;
  readonly closed: ClientRecord;
  /** Silent neighbours that were cut. */
  readonly cuts: readonly Sighting[];
  /** Who took whom for gone and who was found again, in their order; those from before the workload have negative times. */
  readonly deaths: readonly Sighting[];
  readonly returns: readonly Sighting[];
  /** Of a survivor's part in the mesh, in each second: before the victims went, and after. */
  readonly traffic: { readonly before: Traffic; readonly after: Traffic };
  /** Share of a core that a survivor's daemon used while the workload ran; undefined where that is not measured. */
  readonly cpu: number | undefined;
}

export interface Traffic {
  readonly frames: number;
  readonly bytes: number;
}

export const NO_TRAFFIC: Traffic = { frames: 0, bytes: 0 };

/** Of each of `nodes` in each second of `ms`, of counters that were read before and after them. */
export function trafficRate(from: Traffic, to: Traffic, ms: number, nodes: number): Traffic {
  const share = nodes * (ms / 1000);
  return { frames: (to.frames - from.frames) / share, bytes: (to.bytes - from.bytes) / share };
}
