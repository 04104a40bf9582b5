import { LRUCache } from 'lru-cache';
import type { Backend, BalancerLimits } from '../../core/balancer/backend.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Telemetry } from '../../core/telemetry.js';
import { sameBackends } from '../../core/vips.js';
import type { Conntrack } from '../../ports/conntrack.js';
import type { Log } from '../../ports/log.js';
import type { Random } from '../../ports/random.js';
import type { Clock } from '../../ports/time.js';
import { type ActorSpec, actor, type Behavior, type Mailbox } from '../supervision/actor.js';
import type { PoolSpec } from '../supervision/pool.js';
import type { VipsMessage } from '../vips/messages.js';
import type { VipTableMessage } from '../vips/vip-table.js';
import { type BalancerMessage, vipBalancer } from './balancer.js';
import type { Directory, DirectoryEntry } from './directory.js';

export interface BalancerManagerOptions {
  readonly pool: PoolSpec;
  readonly directory: Directory;
  readonly table: Mailbox<VipTableMessage>;
  readonly limits: BalancerLimits;
  readonly telemetry: Telemetry;
  readonly conntrack: Conntrack;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Backends that left and may come back, over all VIPs. */
const DEPARTED_MOST = 10_000;

interface NewBalancer {
  readonly entry: DirectoryEntry;
  readonly spec: ActorSpec<BalancerMessage>;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Keeps one balancer per desired VIP: starts them, stops them, tells them when their backends change. */
export function balancerManager(options: BalancerManagerOptions): Behavior<VipsMessage, undefined> {
  const { pool, directory } = options;
  // By size and not by `max`, for which it would take all the memory at once; most nodes never need it.
  const departed = new LRUCache<string, Backend>({ maxSize: DEPARTED_MOST, sizeCalculation: () => 1 });

  const create = (vip: Endpoint, backends: ReadonlySet<Endpoint>): NewBalancer => {
    // The behaviour reads its entry, the entry holds the actor's mailbox: neither is used before both stand.
    const entry: Writable<DirectoryEntry> = {
      vip,
      backends,
      balancer: undefined,
      mailbox: undefined as unknown as Mailbox<BalancerMessage>,
    };
    const spec = actor<BalancerMessage, unknown>(
      formatEndpoint(vip),
      vipBalancer({ ...options, departed, entry }) as Behavior<BalancerMessage, unknown>,
    );
    entry.mailbox = spec.mailbox;
    return { entry, spec };
  };

  return {
    init: (self) => {
      // What this one missed while it was down, or all there is at the start.
      options.table.send({ kind: 'send-all', watcher: self.mailbox });
      return undefined;
    },

    handle: (_state, { reset, delta }) => {
      const started: NewBalancer[] = [];
      for (const [vip, backends] of delta.upserts) {
        const entry = directory.entries.get(vip);
        if (entry === undefined) {
          started.push(create(vip, backends));
        } else if (!sameBackends(entry.backends, backends)) {
          entry.backends = backends;
          entry.mailbox.send({ kind: 'changed' });
        }
      }
      const removed = reset
        ? [...directory.entries.keys()].filter((vip) => !delta.upserts.has(vip))
        : delta.removed.filter((vip) => directory.entries.has(vip));
      for (const vip of removed) directory.entries.delete(vip);
      if (removed.length > 0) pool.stop(removed.map(formatEndpoint));
      // The directory names a balancer only once the pool has it: a crash in between leaves none without.
      if (started.length > 0) pool.start(started.map(({ spec }) => spec));
      for (const { entry } of started) directory.entries.set(entry.vip, entry);
      directory.known = true;
      return undefined;
    },
  };
}
