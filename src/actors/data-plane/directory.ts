import type { Balancer } from '../../core/balancer/balancer.js';
import type { Address, Endpoint } from '../../core/endpoint.js';
import type { Mailbox } from '../supervision/actor.js';
import type { BalancerMessage } from './balancer.js';

/** One VIP of the data plane. */
export interface DirectoryEntry {
  readonly vip: Endpoint;
  /** The backends it is to have; the balancer reads them whenever it starts. */
  backends: ReadonlySet<Endpoint>;
  readonly mailbox: Mailbox<BalancerMessage>;
  /** What the balancer knows, to look at; undefined until it has started. */
  balancer: Balancer | undefined;
}

/**
 * Which balancer serves which VIP. Written by the balancer manager alone (a balancer writes its own
 * `balancer`), read by whoever routes a message or reports: what a protected ETS table is to Erlang. It
 * outlives restarts of all of them.
 */
export class Directory {
  readonly entries = new Map<Endpoint, DirectoryEntry>();
  /** Whether the VIP table has spoken yet. Before that an unknown VIP is not refused but deferred. */
  known = false;
  /** Addresses of nodes that no path leads to: another set whenever they change. The mesh's, empty without one. */
  unreachable: ReadonlySet<Address> = new Set();
}
