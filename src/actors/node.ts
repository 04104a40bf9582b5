import type { BalancerLimits } from '../core/balancer/backend.js';
import type { Network } from '../core/data-plane/source-address.js';
import { Readiness } from '../core/readiness.js';
import { SourceBoard } from '../core/source-board.js';
import type { NodeStatus } from '../core/status.js';
import { Telemetry } from '../core/telemetry.js';
import type { FirewallPlan } from '../ports/firewall.js';
import type { PacketQueue } from '../ports/packet-queue.js';
import type { Kernel, World } from '../ports/world.js';
import { buildCluster, type Cluster, type MeshLimits } from './cluster/cluster.js';
import type { ClusterState } from './cluster/cluster-state.js';
import { MESH_SOURCE } from './cluster/gossip.js';
import { balancerManager } from './data-plane/balancer-manager.js';
import { connectionObserver } from './data-plane/connection-observer.js';
import { Directory } from './data-plane/directory.js';
import { type FirewallManagerMessage, firewallManager } from './data-plane/firewall-manager.js';
import { type IpsetManagerMessage, ipsetManager } from './data-plane/ipset-manager.js';
import { nfqueueWorker } from './data-plane/nfqueue-worker.js';
import { RouteCache } from './data-plane/route-cache.js';
import { nodeStatus } from './node-status.js';
import { actor, type Mailbox } from './supervision/actor.js';
import { pool } from './supervision/pool.js';
import { type ChildSpec, supervisor } from './supervision/supervisor.js';
import { type ActorMonitor, type ExitReason, type System, startSystem } from './supervision/system.js';
import type { VipsMessage } from './vips/messages.js';
import { vipPoller } from './vips/vip-poller.js';
import { type VipTableMessage, vipTable } from './vips/vip-table.js';

export interface NodeSettings {
  readonly plan: FirewallPlan;
  readonly keepRulesOnExit: boolean;
  readonly masquerade: readonly Network[];
  readonly balancer: BalancerLimits;
  /** Of a node in a mesh. */
  readonly mesh?: MeshLimits | undefined;
}

export interface Node {
  readonly status: NodeStatus;
  /** What its actors share, for whoever watches them; to be looked at only. */
  readonly directory: Directory;
  readonly cluster: ClusterState | undefined;
  readonly system: System;
  /** Withdraws from the kernel what the settings do not keep, stops the actors, then calls `done`. */
  stop(done: () => void): void;
}

export interface NodeEvents {
  /** Everything is in place: connections to VIPs are balanced. Once. */
  onReady(): void;
  /** Supervision gave up; the process must exit non-zero. */
  onExit(reason: ExitReason): void;
}

/** Stopping waits this long at most for the kernel to let go of the rules and the set. */
const WITHDRAW_MOST_MS = 10_000;

/**
 * Builds and starts the actors of one node in `world`: the daemon and the simulator both do it here, and
 * differ in nothing but the world they pass.
 *
 * ```
 * node                      one-for-one
 * ├─ vips                   rest-for-one: a table that starts anew needs its sources read anew
 * │  ├─ vip-table
 * │  └─ sources             one-for-one: a vip-poller each
 * ├─ data-plane             one-for-one
 * │  ├─ balancers           pool: a balancer per VIP
 * │  ├─ balancer-manager
 * │  ├─ connection-observer
 * │  ├─ nfqueue-pool        one-for-one: a worker per queue
 * │  ├─ ipset-manager
 * │  └─ firewall-manager
 * └─ cluster                one-for-one: what they know stands beside them
 *    ├─ reachability
 *    ├─ gossip
 *    ├─ pinger
 *    ├─ membership
 *    └─ links
 * ```
 */
export function startNode(
  world: World,
  settings: NodeSettings,
  events: NodeEvents,
  monitor?: ActorMonitor,
): Node {
  const { clock, timers, log, kernel } = world;
  const telemetry = new Telemetry();
  const directory = new Directory();
  const board = new SourceBoard();
  const readiness = new Readiness(
    kernel === undefined
      ? { vips: 'the sources have not been read yet' }
      : {
          vips: 'the sources have not been read yet',
          ipset: 'the set of VIPs is not in the kernel yet',
          rules: 'the rules are not in the kernel yet',
        },
    () => events.onReady(),
  );

  const watchers: Mailbox<VipsMessage>[] = [];
  // The table and the mesh know each other; a mailbox may be used before its actor has started.
  let cluster: Cluster | undefined;
  const advertised = world.sources.filter(({ advertise }) => advertise).map(({ source }) => source.name);
  const table = actor<VipTableMessage, unknown>(
    'vip-table',
    vipTable({
      sources: [
        ...world.sources.map(({ source }) => source.name),
        ...(world.mesh === undefined ? [] : [MESH_SOURCE]),
      ],
      watchers,
      offer: world.mesh && {
        sources: new Set(advertised),
        to: { path: 'cluster/gossip', send: (message) => cluster?.offers.send(message) },
      },
      board,
      readiness,
      log,
    }),
  );
  cluster = world.mesh && buildCluster(world.mesh, world, directory, table.mailbox, settings.mesh);
  // A source's own name may hold what a path may not, such as the path of a file.
  const pollers = world.sources.map((entry, index) =>
    actor(
      `poller-${index}`,
      vipPoller({
        entry,
        table: table.mailbox,
        record: board.record(entry.source.name),
        clock,
        random: world.random(`poller ${entry.source.name}`),
        log,
      }),
    ),
  );
  const vips = supervisor('vips', { strategy: 'rest-for-one' }, [
    table,
    supervisor('sources', { strategy: 'one-for-one' }, pollers),
  ]);

  const queues = new Map<number, PacketQueue>();
  const dataPlane = kernel && buildDataPlane(kernel);
  const root = supervisor('node', { strategy: 'one-for-one' }, [
    vips,
    ...(dataPlane === undefined ? [] : [dataPlane.root]),
    ...(cluster === undefined ? [] : [cluster.root]),
  ]);
  const system = startSystem(root, {
    name: 'minuteman',
    clock,
    timers,
    log,
    ...(monitor && { monitor }),
    onExit: (reason) => events.onExit(reason),
  });

  return {
    system,
    directory,
    cluster: cluster?.state,
    status: nodeStatus({
      telemetry,
      directory,
      board,
      readiness,
      kernel,
      clock,
      mesh: cluster?.status,
      openQueues: () => queues.values(),
      restarts: () => system.restarts,
    }),
    stop: (done) => {
      let ending = false;
      const end = (): void => {
        if (ending) return;
        ending = true;
        patience?.cancel();
        system.stop(() => {
          for (const queue of queues.values()) queue.close();
          for (const { source } of world.sources) source.close();
          done();
        });
      };
      // Whoever was to withdraw something may have crashed over it, or wait for a tool that hangs.
      const patience = (dataPlane ?? cluster) && timers.start(WITHDRAW_MOST_MS, end);
      const leave = (): void => {
        if (cluster === undefined) end();
        else cluster.leave(end);
      };
      if (dataPlane === undefined) leave();
      else dataPlane.withdraw(leave);
    },
  };

  function buildDataPlane({ conntrack, routes, firewall, addressSet, queues: kernelQueues }: Kernel): {
    root: ChildSpec;
    withdraw(done: () => void): void;
  } {
    const { plan } = settings;
    const balancers = pool('balancers');
    const manager = actor<VipsMessage, undefined>(
      'balancer-manager',
      balancerManager({
        pool: balancers,
        directory,
        table: table.mailbox,
        limits: settings.balancer,
        telemetry,
        conntrack,
        clock,
        random: world.random('balancers'),
        log,
      }),
    );
    const observer = actor(
      'connection-observer',
      connectionObserver({ conntrack, directory, telemetry, log }),
    );
    const routeCache = new RouteCache(routes);
    const workers = Array.from({ length: plan.queues }, (_, i) => {
      const number = plan.firstQueue + i;
      const queue = (): PacketQueue => {
        const opened = queues.get(number) ?? kernelQueues.open(number);
        queues.set(number, opened);
        return opened;
      };
      return actor(
        `nfqueue-${number}`,
        nfqueueWorker({
          queue,
          directory,
          conntrack,
          routes: routeCache,
          masquerade: settings.masquerade,
          telemetry,
          clock,
        }),
      );
    });
    const firewallActor = actor<FirewallManagerMessage, unknown>(
      'firewall-manager',
      firewallManager({ firewall, plan, set: addressSet, readiness, telemetry, log }),
    );
    const ipsetActor = actor<IpsetManagerMessage, unknown>(
      'ipset-manager',
      ipsetManager({
        set: addressSet,
        name: plan.ipset,
        table: table.mailbox,
        firewall: firewallActor.mailbox,
        readiness,
        telemetry,
        log,
      }),
    );
    watchers.push(manager.mailbox, ipsetActor.mailbox);

    return {
      root: supervisor('data-plane', { strategy: 'one-for-one' }, [
        balancers,
        manager,
        observer,
        supervisor('nfqueue-pool', { strategy: 'one-for-one' }, workers),
        ipsetActor,
        firewallActor,
      ]),
      // Rules first, then the set they look into; the workers serve until the last packet that was queued.
      withdraw: (done) => {
        if (settings.keepRulesOnExit) {
          done();
          return;
        }
        // Established connections go on through the kernel alone, as long as its hooks stay.
        const keepHooks = conntrack.countOurs() > 0;
        const destroySet = (): void => ipsetActor.mailbox.send({ kind: 'withdraw', done });
        firewallActor.mailbox.send({ kind: 'withdraw', keepHooks, done: destroySet });
      },
    };
  }
}
