import { Registry } from 'prom-client';
import type { NodeStatus } from '../core/status.js';
import { CREATE_OUTCOMES, PICK_ALGORITHMS, PICK_BUCKETS, VERDICT_OUTCOMES } from '../core/telemetry.js';
import { MESH_METRICS } from './mesh-metrics.js';
import { by, counter, gauge, histogram, type Metric, one, type Sample, type Totals } from './metric.js';
import type { TimeSlices } from './time-slice.js';

/**
 * Series are bounded whatever the number of VIPs and backends: those are only counted, by state. Who wants
 * the figures of one VIP asks `/vip/…`. The one label that could grow is the actor's path, since every VIP
 * has a balancer of its own; beyond this many restarted actors the others are added up as `other`.
 */
const MAX_ACTORS = 100;

function perQueue(
  of: (queue: ReturnType<NodeStatus['queues']>[number]) => number | undefined,
): Metric['read'] {
  return ({ node }) =>
    node.queues().flatMap((queue) => {
      const value = of(queue);
      return value === undefined ? [] : [{ value, labels: { queue: queue.number } }];
    });
}

function perSource(
  of: (source: ReturnType<NodeStatus['sources']>[number]) => number | undefined,
): Metric['read'] {
  return ({ node }) =>
    node.sources().flatMap((source) => {
      const value = of(source);
      return value === undefined ? [] : [{ value, labels: { source: source.name } }];
    });
}

/** The actors restarted most, by path, and the sum of the others. */
function restartSamples(restarts: ReadonlyMap<string, number>): readonly Sample[] {
  const sorted = [...restarts].sort((a, b) => b[1] - a[1]);
  const samples = sorted.slice(0, MAX_ACTORS).map(([actor, value]) => ({ value, labels: { actor } }));
  const rest = sorted.slice(MAX_ACTORS).reduce((sum, [, value]) => sum + value, 0);
  return rest === 0 ? samples : [...samples, { value: rest, labels: { actor: 'other' } }];
}

const METRICS: readonly Metric[] = [
  gauge('minuteman_healthy', '1 while the node does its work, else 0.', ({ node }) =>
    one(node.healthy().ok ? 1 : 0),
  ),
  gauge('minuteman_vips', 'VIPs in the table.', ({ totals }) => one(totals.vips)),
  gauge(
    'minuteman_backends',
    'Backends of all VIPs by state; one behind several VIPs counts for each. unreachable goes before unavailable.',
    ({ totals }) => by('state', totals.backends),
  ),
  gauge('minuteman_pending_handshakes', 'Handshakes in flight.', ({ totals }) => one(totals.pending)),
  counter('minuteman_verdicts_total', 'Intercepted SYNs by what became of them.', ({ node }) =>
    VERDICT_OUTCOMES.map((outcome) => ({ value: node.counters.verdicts[outcome], labels: { outcome } })),
  ),
  counter(
    'minuteman_picks_total',
    'Backends chosen, by algorithm and by the bucket the chosen one was in.',
    ({ node }) =>
      PICK_ALGORITHMS.flatMap((algorithm) =>
        PICK_BUCKETS.map((bucket) => ({
          value: node.counters.picks[algorithm][bucket],
          labels: { algorithm, bucket },
        })),
      ),
  ),
  counter('minuteman_mappings_total', 'Connection entries asked of the kernel, by outcome.', ({ node }) =>
    CREATE_OUTCOMES.map((outcome) => ({ value: node.counters.creates[outcome], labels: { outcome } })),
  ),
  counter('minuteman_mapping_errors_total', 'Connection entries the kernel refused, by error.', ({ node }) =>
    [...node.counters.createErrors].map(([code, value]) => ({ value, labels: { code } })),
  ),
  counter(
    'minuteman_handshakes_total',
    'Handshakes of placed connections, by how they ended.',
    ({ node }) => {
      const { answered, refused, timedOut } = node.counters.handshakes;
      return by('outcome', { answered, refused, timed_out: timedOut });
    },
  ),
  histogram(
    'minuteman_handshake_seconds',
    'From the mapping of a connection to the SYN-ACK of its backend.',
    (node) => node.counters.handshakeSeconds,
  ),
  histogram(
    'minuteman_decision_seconds',
    'From a SYN handed to the daemon to its verdict.',
    (node) => node.counters.decisionSeconds,
  ),
  counter(
    'minuteman_redispatches_total',
    'SYNs decided anew because the first decision missed its deadline.',
    ({ node }) => one(node.counters.redispatches),
  ),
  counter(
    'minuteman_event_overruns_total',
    'Times the kernel dropped connection events of ours.',
    ({ node }) => one(node.counters.eventOverruns),
  ),
  counter('minuteman_rules_restored_total', 'Times rules that somebody removed were put back.', ({ node }) =>
    one(node.counters.rulesRestored),
  ),
  counter(
    'minuteman_set_restored_total',
    'Times the VIP set that somebody changed was put back.',
    ({ node }) => one(node.counters.setRestored),
  ),
  gauge(
    'minuteman_queue_depth',
    'Packets the kernel holds in the queue now.',
    perQueue((queue) => queue.depth),
  ),
  gauge(
    'minuteman_queue_outstanding',
    'Packets read from the queue that have no verdict yet.',
    perQueue((queue) => queue.outstanding),
  ),
  counter(
    'minuteman_queue_packets_total',
    'Packets read from the queue.',
    perQueue((queue) => queue.received),
  ),
  counter(
    'minuteman_queue_dropped_full_total',
    'Packets dropped because the queue was full. Those that the kernel lets pass then, unplaced, it does not count; see the depth.',
    perQueue((queue) => queue.droppedFull),
  ),
  counter(
    'minuteman_queue_dropped_no_buffer_total',
    'Packets for which our socket had no room.',
    perQueue((queue) => queue.droppedNoBuffer),
  ),
  counter(
    'minuteman_queue_overruns_total',
    'Times our socket overran and reading went on.',
    perQueue((queue) => queue.overruns),
  ),
  counter(
    'minuteman_queue_unreadable_total',
    'Packets that were no SYN we can read; accepted untouched.',
    perQueue((queue) => queue.unreadable),
  ),
  gauge('minuteman_conntrack_entries', "Entries in the kernel's connection table.", ({ node }) => {
    const usage = node.conntrack();
    return usage === undefined ? [] : one(usage.count);
  }),
  gauge('minuteman_conntrack_max', "Limit of the kernel's connection table.", ({ node }) => {
    const usage = node.conntrack();
    return usage === undefined ? [] : one(usage.max);
  }),
  counter('minuteman_actor_restarts_total', 'Restarts after a crash, by actor.', ({ node }) =>
    restartSamples(node.restarts()),
  ),
  gauge(
    'minuteman_source_up',
    '1 if the last reading of the source succeeded, else 0.',
    perSource((s) => (s.ok ? 1 : 0)),
  ),
  counter(
    'minuteman_source_errors_total',
    'Readings of the source that failed.',
    perSource((s) => s.errors),
  ),
  gauge(
    'minuteman_source_age_seconds',
    'Age of the last good reading of the source; absent before the first.',
    perSource((s) => (s.lastGoodAgeMs === undefined ? undefined : s.lastGoodAgeMs / 1000)),
  ),
  gauge(
    'minuteman_source_vips',
    'VIPs the source names.',
    perSource((s) => s.vips),
  ),
  gauge('minuteman_process_resident_memory_bytes', 'Memory of the daemon.', () =>
    one(process.memoryUsage.rss()),
  ),
  counter('minuteman_process_cpu_seconds_total', 'User and system time of the daemon.', () => {
    const { user, system } = process.cpuUsage();
    return one((user + system) / 1e6);
  }),
  counter('minuteman_event_loop_active_seconds_total', 'Time the event loop was not idle.', () =>
    one(performance.eventLoopUtilization().active / 1000),
  ),
];

/** The metrics of one node in Prometheus' text format. */
export class Metrics {
  readonly #node: NodeStatus;
  readonly #slices: TimeSlices;
  readonly #registry = new Registry();
  #totals: Totals = { vips: 0, backends: { available: 0, unavailable: 0, unreachable: 0 }, pending: 0 };

  constructor(node: NodeStatus, slices: TimeSlices) {
    this.#node = node;
    this.#slices = slices;
    for (const metric of [...METRICS, ...MESH_METRICS]) this.#register(metric);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    this.#totals = await this.#count();
    return this.#registry.metrics();
  }

  /**
   * The library's own counters can only be counted up by it; ours are counted elsewhere and only read here,
   * so they are registered as what a registry asks of a metric: a name, and the samples on demand.
   */
  #register(metric: Metric): void {
    const { name, type, help } = metric;
    const source = {
      name,
      help,
      type,
      get: async () => ({
        name,
        help,
        type,
        values: metric.read({ node: this.#node, totals: this.#totals }),
      }),
    };
    this.#registry.registerMetric(source as unknown as Parameters<Registry['registerMetric']>[0]);
  }

  async #count(): Promise<Totals> {
    const totals: Totals = {
      vips: 0,
      backends: { available: 0, unavailable: 0, unreachable: 0 },
      pending: 0,
    };
    for await (const _ of this.#slices.divide(countInto(totals, this.#node)));
    return totals;
  }
}

function* countInto(totals: Totals, node: NodeStatus): Generator<void> {
  for (const vip of node.vips()) {
    totals.vips += 1;
    for (const status of vip.backends()) {
      if (!status.reachable) totals.backends.unreachable += 1;
      else if (!status.available) totals.backends.unavailable += 1;
      else totals.backends.available += 1;
      totals.pending += status.pending;
      yield;
    }
    yield;
  }
}
