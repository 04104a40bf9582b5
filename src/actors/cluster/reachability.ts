import { type Address, addressOf, type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Conntrack } from '../../ports/conntrack.js';
import type { Log } from '../../ports/log.js';
import type { Directory } from '../data-plane/directory.js';
import type { Behavior } from '../supervision/actor.js';
import type { ClusterState } from './cluster-state.js';
import type { MembersMessage } from './messages.js';

export interface ReachabilityOptions {
  readonly state: ClusterState;
  readonly directory: Directory;
  /** Absent on a node without a data plane. */
  readonly conntrack: Conntrack | undefined;
  readonly log: Log;
}

/** Tells balancers and operators who can be reached. */
export function reachability(options: ReachabilityOptions): Behavior<MembersMessage, undefined> {
  const { state, directory, conntrack, log } = options;

  const tell = (event: 'node-reachable' | 'node-unreachable', member: Endpoint, what: string): void => {
    const endpoint = formatEndpoint(member);
    const node = state.nameOf(member) ?? endpoint;
    const level = event === 'node-reachable' ? 'info' : 'warn';
    log.event(level, event, `${node} (${endpoint}) ${what}`, { node, endpoint });
  };

  /** Addresses of members that no path leads to, but of nobody else whom one leads to. */
  const lostAddresses = (): ReadonlySet<Address> => {
    const lost = new Set(state.unreachable().map(addressOf));
    if (lost.size > 0) for (const member of state.reachability.reached()) lost.delete(addressOf(member));
    return lost;
  };

  /** Half-open connections to who is gone now: without their entries the client's next SYN goes elsewhere. */
  const dropHandshakes = (gone: ReadonlySet<Address>): void => {
    if (conntrack === undefined || gone.size === 0) return;
    conntrack.remove(conntrack.handshakes().filter(({ backend }) => gone.has(addressOf(backend))));
  };

  const update = (): void => {
    const before = directory.unreachable;
    const now = lostAddresses();
    const fresh = new Set([...now].filter((address) => !before.has(address)));
    if (fresh.size === 0 && now.size === before.size) return;
    directory.unreachable = now;
    dropHandshakes(fresh);
  };

  return {
    init: () => {
      update();
      return undefined;
    },

    handle: (_state, { found, lost, left }) => {
      update();
      for (const member of found) tell('node-reachable', member, 'can be reached');
      for (const member of lost) tell('node-unreachable', member, 'cannot be reached: no path leads to it');
      for (const member of left) tell('node-unreachable', member, 'left in good order');
      return undefined;
    },
  };
}
