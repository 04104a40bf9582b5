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

/**
 * Why a link ended. `ended`: one side closed it in an orderly way; `reset`: the kernel said so, its process is
 * probably gone; `slow`: it did not take what we sent; `refused`: nothing is wrong with the link, but this side wants no (second)
 * one; `protocol`: the peer sent what no peer sends; `silent`: it did not finish in time.
 */
export type CloseReason = 'ended' | 'reset' | 'slow' | 'refused' | 'protocol' | 'silent';

/**
 * Why a dial failed. `refused`: the machine is up and nobody listens; `timeout`: silence; `unreachable`: the network says
 * there is no way; `unauthenticated`: somebody answered who holds no key of ours, or does not take our own.
 */
export type DialFailure = 'refused' | 'timeout' | 'unreachable' | 'unauthenticated';
