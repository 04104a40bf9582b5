import type { Balancer } from '../core/balancer/balancer.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Readiness } from '../core/readiness.js';
import type { SourceBoard } from '../core/source-board.js';
import type { MeshStatus, NodeStatus, QueueStatus, SourceStatus, VipStatus } from '../core/status.js';
import type { Telemetry } from '../core/telemetry.js';
import type { PacketQueue } from '../ports/packet-queue.js';
import type { Clock } from '../ports/time.js';
import type { Kernel } from '../ports/world.js';
import type { Directory } from './data-plane/directory.js';

export interface NodeStatusParts {
  readonly telemetry: Telemetry;
  readonly directory: Directory;
  readonly board: SourceBoard;
  readonly readiness: Readiness;
  readonly kernel: Kernel | undefined;
  readonly clock: Clock;
  readonly mesh: MeshStatus | undefined;
  openQueues(): Iterable<PacketQueue>;
  restarts(): ReadonlyMap<string, number>;
}

/** Reads what the actors keep in shared tables; asks none of them anything. */
export function nodeStatus(parts: NodeStatusParts): NodeStatus {
  const { directory, clock } = parts;

  const vipStatus = (vip: Endpoint, balancer: Balancer | undefined): VipStatus => ({
    vip,
    backendCount: balancer?.backendCount ?? 0,
    pending: () => balancer?.pending() ?? 0,
    endpoints: () => balancer?.endpoints() ?? [],
    backends: () => balancer?.statuses(clock.nowMs()) ?? [],
  });

  return {
    counters: parts.telemetry,
    *vips() {
      for (const [vip, entry] of directory.entries) yield vipStatus(vip, entry.balancer);
    },
    vip(vip) {
      const entry = directory.entries.get(vip);
      return entry === undefined ? undefined : vipStatus(vip, entry.balancer);
    },
    sources: (): readonly SourceStatus[] => parts.board.statuses(clock.nowMs()),
    queues: (): readonly QueueStatus[] =>
      [...parts.openQueues()].map((queue) => ({
        number: queue.number,
        outstanding: queue.outstanding().length,
        ...queue.counters(),
      })),
    conntrack: () => parts.kernel?.conntrack.usage(),
    mesh: () => parts.mesh,
    restarts: () => parts.restarts(),
    healthy: () => {
      const reasons = parts.readiness.reasons();
      return { ok: reasons.length === 0, reasons };
    },
  };
}
