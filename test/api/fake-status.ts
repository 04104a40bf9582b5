import { type Endpoint, parseEndpoint } from '../../src/core/endpoint.js';
import type { BackendStatus, NodeStatus, VipStatus } from '../../src/core/status.js';
import { Telemetry } from '../../src/core/telemetry.js';

export function ep(text: string): Endpoint {
  const value = parseEndpoint(text);
  if (value === undefined) throw new Error(`no endpoint: ${text}`);
  return value;
}

export function backend(text: string, changes: Partial<BackendStatus> = {}): BackendStatus {
  return {
    backend: ep(text),
    pending: 0,
    successes: 0,
    failures: 0,
    consecutiveFailures: 0,
    available: true,
    reachable: true,
    ewmaMs: undefined,
    recent: { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 },
    ...changes,
  };
}

/** A node that says what it was told to say. */
export class FakeStatus implements NodeStatus {
  readonly counters = new Telemetry();
  readonly table = new Map<Endpoint, readonly BackendStatus[]>();
  readonly restarted = new Map<string, number>();
  sourceList: ReturnType<NodeStatus['sources']> = [];
  queueList: ReturnType<NodeStatus['queues']> = [];
  conntrackUse: ReturnType<NodeStatus['conntrack']>;
  meshStatus: ReturnType<NodeStatus['mesh']>;
  health: ReturnType<NodeStatus['healthy']> = { ok: true, reasons: [] };

  add(vip: string, ...backends: readonly BackendStatus[]): this {
    this.table.set(ep(vip), backends);
    return this;
  }

  *vips(): Iterable<VipStatus> {
    for (const vip of this.table.keys()) yield this.vip(vip)!;
  }

  vip(vip: Endpoint): VipStatus | undefined {
    const backends = this.table.get(vip);
    return (
      backends && {
        vip,
        backendCount: backends.length,
        pending: () => backends.reduce((sum, { pending }) => sum + pending, 0),
        endpoints: () => backends.map(({ backend }) => backend),
        backends: () => backends,
      }
    );
  }

  sources() {
    return this.sourceList;
  }

  queues() {
    return this.queueList;
  }

  conntrack() {
    return this.conntrackUse;
  }

  mesh() {
    return this.meshStatus;
  }

  restarts() {
    return this.restarted;
  }

  healthy() {
    return this.health;
  }
}
