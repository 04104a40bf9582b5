import type { Endpoint } from '../endpoint.js';

/** Another daemon, as it proved (it holds a key) and claimed (who it is) when the link to it opened. */
export interface Peer {
  /** Where its mesh listens: its identity everywhere. */
  readonly endpoint: Endpoint;
  /** What its operator calls it; an attribute, and two members may have the same. */
  readonly name: string;
  /** 48 random bits, drawn when its process started: tells a restarted daemon from the one before. */
  readonly instance: number;
}

/** A connection to a peer. Its `id` never comes again within a process: what an old link said never speaks for a new one. */
export interface MeshLink {
  readonly id: number;
  readonly peer: Peer;
  /** Whether we dialled it, or the peer did. */
  readonly dialled: boolean;
}
