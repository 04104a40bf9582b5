import { AdvertBoard } from '../../core/cluster/advert-board.js';
import { DETECTOR_DEFAULTS, type DetectorSettings } from '../../core/cluster/failure-detector.js';
import { GOSSIP_DEFAULTS } from '../../core/cluster/gossip.js';
import { HYPARVIEW_DEFAULTS } from '../../core/cluster/hyparview.js';
import type { MeshCounters, MeshStatus } from '../../core/status.js';
import type { MeshAccess, World } from '../../ports/world.js';
import type { Directory } from '../data-plane/directory.js';
import { actor, type Mailbox } from '../supervision/actor.js';
import { type ChildSpec, supervisor } from '../supervision/supervisor.js';
import type { ServeMessage, VipTableMessage } from '../vips/vip-table.js';
import { ClusterState } from './cluster-state.js';
import { gossip } from './gossip.js';
import { meshLinks } from './links.js';
import { membership } from './membership.js';
import { meshStatus } from './mesh-status.js';
import type {
  GossipActorMessage,
  LinksMessage,
  MembershipMessage,
  PingerMessage,
  ReachabilityMessage,
} from './messages.js';
import { pinger } from './pinger.js';
import { reachability } from './reachability.js';

export interface MeshLimits {
  /** How long the records of who cannot be reached are kept. */
  readonly forgetAfterMs: number;
  /** What differs from the defaults in how neighbours are watched. */
  readonly detector?: Partial<DetectorSettings> | undefined;
}

export interface Cluster {
  readonly root: ChildSpec;
  readonly status: MeshStatus;
  readonly state: ClusterState;
  /** Where what this node serves goes. */
  readonly offers: Mailbox<ServeMessage>;
  /** Says good-bye to everybody, then calls `done`. */
  leave(done: () => void): void;
}

/**
 * The actors by which a node is a member of the mesh. They are started in this order, and each crash restarts one of them
 * only: what they know stands beside them (ClusterState), so that the others notice nothing.
 */
export function buildCluster(
  access: MeshAccess,
  world: World,
  directory: Directory,
  table: Mailbox<VipTableMessage>,
  limits: MeshLimits = { forgetAfterMs: GOSSIP_DEFAULTS.keepDeadMs },
): Cluster {
  const { mesh, self, store } = access;
  // One configuration for all nodes names each of them to itself, too.
  const contacts = access.contacts.filter((contact) => contact !== self.endpoint);
  const { clock, log } = world;
  const remembered = store.load();
  const state = new ClusterState(self.endpoint, remembered?.epoch ?? 0);
  const counters: MeshCounters = { pings: 0, cuts: 0, falseCuts: 0, refutations: 0, expelled: 0 };

  // The pinger and the membership know each other; a mailbox may be used before its actor has started.
  let membershipBox: Mailbox<MembershipMessage> | undefined;
  const toMembership: Mailbox<MembershipMessage> = {
    path: 'cluster/membership',
    send: (message) => membershipBox?.send(message),
  };

  const reachabilityActor = actor<ReachabilityMessage, unknown>(
    'reachability',
    reachability({ state, directory, conntrack: world.kernel?.conntrack, log }),
  );
  const gossipActor = actor<GossipActorMessage, unknown>(
    'gossip',
    gossip({
      mesh,
      state,
      name: self.name,
      settings: { ...GOSSIP_DEFAULTS, keepDeadMs: limits.forgetAfterMs },
      adverts: new AdvertBoard(),
      store,
      contacts,
      counters,
      reachability: reachabilityActor.mailbox,
      table,
      clock,
      random: world.random('gossip'),
      log,
    }),
  );
  const pingerActor = actor<PingerMessage, unknown>(
    'pinger',
    pinger({
      mesh,
      state,
      settings: { ...DETECTOR_DEFAULTS, ...limits.detector },
      membership: toMembership,
      gossip: gossipActor.mailbox,
      counters,
      clock,
      random: world.random('pinger'),
      log,
    }),
  );
  const membershipActor = actor<MembershipMessage, unknown>(
    'membership',
    membership({
      mesh,
      state,
      contacts,
      remembered: remembered?.members.map(({ endpoint }) => endpoint) ?? [],
      settings: HYPARVIEW_DEFAULTS,
      pinger: pingerActor.mailbox,
      gossip: gossipActor.mailbox,
      clock,
      random: world.random('membership'),
      log,
    }),
  );
  membershipBox = membershipActor.mailbox;
  const linksActor = actor<LinksMessage, unknown>(
    'links',
    meshLinks({
      mesh,
      state,
      membership: membershipActor.mailbox,
      pinger: pingerActor.mailbox,
      gossip: gossipActor.mailbox,
      counters,
      clock,
      log,
    }),
  );

  return {
    root: supervisor('cluster', { strategy: 'one-for-one' }, [
      reachabilityActor,
      gossipActor,
      pingerActor,
      membershipActor,
      linksActor,
    ]),
    state,
    status: meshStatus(access, state, counters),
    offers: gossipActor.mailbox,
    leave: (done) =>
      gossipActor.mailbox.send({
        kind: 'leave',
        done: () => membershipActor.mailbox.send({ kind: 'leave', done }),
      }),
  };
}
