import { formatEndpoint } from '../core/endpoint.js';
import type { BackendStatus, LatencySummary, VipStatus } from '../core/status.js';

/** How a backend looks from outside. Field names are a contract that tools rely on. */
export interface BackendJson {
  readonly pending_connections: number;
  readonly total_successes: number;
  readonly total_failures: number;
  readonly consecutive_failures: number;
  readonly is_healthy: boolean;
  readonly is_reachable: boolean;
  /** Null before the first handshake. */
  readonly ewma_ms: number | null;
  readonly latency_last_60s: LatencyJson;
}

export interface LatencyJson {
  readonly count: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

/** To the microsecond: what is beyond is noise, and long to print. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function latencyJson(summary: LatencySummary): LatencyJson {
  return {
    count: summary.count,
    p50_ms: rounded(summary.p50Ms),
    p95_ms: rounded(summary.p95Ms),
    p99_ms: rounded(summary.p99Ms),
    max_ms: rounded(summary.maxMs),
  };
}

function backendJson(status: BackendStatus): BackendJson {
  return {
    pending_connections: status.pending,
    total_successes: status.successes,
    total_failures: status.failures,
    consecutive_failures: status.consecutiveFailures,
    is_healthy: status.available,
    is_reachable: status.reachable,
    ewma_ms: status.ewmaMs === undefined ? null : rounded(status.ewmaMs),
    latency_last_60s: latencyJson(status.recent),
  };
}

/** `{"10.99.0.2:8080":{…},…}` in pieces of one backend. */
export function* vipPieces(vip: VipStatus): Generator<string> {
  let before = '{';
  for (const status of vip.backends()) {
    yield `${before}"${formatEndpoint(status.backend)}":${JSON.stringify(backendJson(status))}`;
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

/** `{"vips":{"10.1.2.3:5000":{…},…}}` in pieces of one backend. */
export function* vipsPieces(vips: Iterable<VipStatus>): Generator<string> {
  yield '{"vips":{';
  let before = '';
  for (const vip of vips) {
    yield `${before}"${formatEndpoint(vip.vip)}":`;
    yield* vipPieces(vip);
    before = ',';
  }
  yield '}}\n';
}

/**
 * One backend that several VIPs share: sums of the counts, the worst of everything else (percentiles of
 * different balancers cannot be merged), and each VIP's own view.
 */
export interface SharedBackendJson extends BackendJson {
  readonly vips: Readonly<Record<string, BackendJson>>;
}

export function sharedBackendJson(views: ReadonlyMap<string, BackendStatus>): SharedBackendJson {
  const all = [...views.values()];
  const worst = (of: (status: BackendStatus) => number) => Math.max(...all.map(of));
  const sum = (of: (status: BackendStatus) => number) => all.reduce((total, status) => total + of(status), 0);
  const ewmas = all.flatMap((status) => (status.ewmaMs === undefined ? [] : [status.ewmaMs]));
  return {
    pending_connections: sum((status) => status.pending),
    total_successes: sum((status) => status.successes),
    total_failures: sum((status) => status.failures),
    consecutive_failures: worst((status) => status.consecutiveFailures),
    is_healthy: all.every((status) => status.available),
    is_reachable: all.every((status) => status.reachable),
    ewma_ms: ewmas.length === 0 ? null : rounded(Math.max(...ewmas)),
    latency_last_60s: latencyJson({
      count: sum((status) => status.recent.count),
      p50Ms: worst((status) => status.recent.p50Ms),
      p95Ms: worst((status) => status.recent.p95Ms),
      p99Ms: worst((status) => status.recent.p99Ms),
      maxMs: worst((status) => status.recent.maxMs),
    }),
    vips: Object.fromEntries([...views].map(([vip, status]) => [vip, backendJson(status)])),
  };
}
