import { LRUCache } from 'lru-cache';
import type { PublisherState } from '../../core/cluster/publisher.js';
import { type CachedTree, Reachability } from '../../core/cluster/reachability.js';
import { RecordTable } from '../../core/cluster/record-table.js';
import { emptyView, type View } from '../../core/cluster/view.js';
import type { Endpoint } from '../../core/endpoint.js';

/** Trees of other origins that are kept; the table changes seldom, and few origins broadcast much. */
const TREES_MOST = 256;

/**
 * What the actors of the mesh work on together: a protected table as ETS is to Erlang, each part written by one of
 * them. It outlives restarts of all of them: the others must not take a crash of one of our actors for our death.
 */
export class ClusterState {
  readonly self: Endpoint;
  /** Neighbours and whom to ask next; membership's. */
  readonly view: View = emptyView();
  /** Everybody's records; gossip's. */
  readonly table = new RecordTable();
  readonly reachability: Reachability;
  /** The version of what we publish; gossip's. */
  readonly published: PublisherState;
  /** A hash of what is known, as pings carry it; from gossip, 0 before it has started. */
  tableHash: () => number = () => 0;
  /** Round trip to each neighbour in milliseconds, by link; pinger's. */
  roundTripMs: (link: number) => number | undefined = () => undefined;
  /** When something came in on a link last, in milliseconds of the monotonic clock; links'. */
  heardMs: (link: number) => number | undefined = () => undefined;
  /** Links whose peer is watched for silence; pinger's. */
  watched: () => Iterable<number> = () => [];
  /** Whether some neighbour was found to know just what we know. */
  synchronised = false;

  /** `epoch` is that of the last start, as far as the disk remembers. */
  constructor(self: Endpoint, epoch: number) {
    this.self = self;
    this.published = { epoch: epoch + 1, counter: 0 };
    this.reachability = new Reachability(self, new LRUCache<Endpoint, CachedTree>({ max: TREES_MOST }));
  }

  /** Members that are known, have not left in good order, and that no path leads to. */
  unreachable(): Endpoint[] {
    const lost: Endpoint[] = [];
    for (const [member, { adjacency }] of this.table.entries()) {
      if (!this.reachability.has(member) && adjacency?.record.left !== true) lost.push(member);
    }
    return lost;
  }

  nameOf(member: Endpoint): string | undefined {
    return this.table.get(member)?.adjacency?.record.name;
  }
}
