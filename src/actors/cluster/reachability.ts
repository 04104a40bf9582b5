import { type Address, addressOf, type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Conntrack } from '../../ports/conntrack.js';
import type { Log } from '../../ports/log.js';
import type { Directory } from '../data-plane/directory.js';
import type { Behavior, Self } from '../supervision/actor.js';
import type { ClusterState } from './cluster-state.js';
import type { ReachabilityMessage } from './messages.js';

export interface ReachabilityOptions {
  readonly state: ClusterState;
  readonly directory: Directory;
  /** Absent on a node without a data plane. */
  readonly conntrack: Conntrack | undefined;
  readonly log: Log;
}

/**
 * Half-open connections are looked for so long after a death, for all who died meanwhile: the kernel goes through its whole
 * table for that, which takes milliseconds, when there is most to do. A client sends its SYN again after a second.
 */
const GATHER_MS = 150;

interface State {
  /** Whether a `drop-handshakes` is on its way. */
  dropping: boolean;
}

/** Tells balancers and operators who can be reached. */
export function reachability(options: ReachabilityOptions): Behavior<ReachabilityMessage, State> {
  const { state, directory, conntrack, log } = options;
  /** Who is gone and whose half-open connections are still there: a successor goes on with them. */
  const gone = new Set<Address>();

  const tell = (event: 'node-reachable' | 'node-unreachable', member: Endpoint, what: string): void => {
    const endpoint = formatEndpoint(member);
    const node = state.nameOf(member) ?? endpoint;
    const level = event === 'node-reachable' ? 'info' : 'warn';
    log.event(level, event, `${node} (${endpoint}) ${what}`, { node, endpoint });
  };

  /** Addresses of members that no path leads to, but of nobody else whom one leads to. */
  const lostAddresses = (): ReadonlySet<Address> => {
    const lost = new Set(state.unreachable().map(addressOf));
    if (lost.size > 0) for (const member of state.reachability.everybody()) lost.delete(addressOf(member));
    return lost;
  };

  /** Without their entries the clients' next SYNs go elsewhere. */
  const dropHandshakes = (): void => {
    const still = new Set([...gone].filter((address) => directory.unreachable.has(address)));
    // A kernel that refuses is not asked again: what stays is moved when its client sends again.
    gone.clear();
    if (conntrack === undefined || still.size === 0) return;
    conntrack.remove(conntrack.handshakes().filter(({ backend }) => still.has(addressOf(backend))));
  };

  const dropLater = (current: State, self: Self<ReachabilityMessage>): void => {
    if (gone.size === 0 || current.dropping) return;
    current.dropping = true;
    self.sendAfter(GATHER_MS, { kind: 'drop-handshakes' });
  };

  const update = (): void => {
    const before = directory.unreachable;
    const now = lostAddresses();
    const fresh = [...now].filter((address) => !before.has(address));
    if (fresh.length === 0 && now.size === before.size) return;
    directory.unreachable = now;
    for (const address of fresh) gone.add(address);
  };

  return {
    init: (self) => {
      const current: State = { dropping: false };
      update();
      dropLater(current, self);
      return current;
    },

    handle: (current, message, self) => {
      if (message.kind === 'drop-handshakes') {
        current.dropping = false;
        dropHandshakes();
        return current;
      }
      const { found, lost, left } = message;
      update();
      dropLater(current, self);
      for (const member of found) tell('node-reachable', member, 'can be reached');
      for (const member of lost) tell('node-unreachable', member, 'cannot be reached: no path leads to it');
      for (const member of left) tell('node-unreachable', member, 'left in good order');
      return current;
    },
  };
}
