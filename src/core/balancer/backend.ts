import { type Address, addressOf, type Endpoint } from '../endpoint.js';
import { Circuit, type CircuitLimits } from './circuit.js';
import { LatencyWindow } from './latency-window.js';
import { PeakEwma } from './peak-ewma.js';

export interface BalancerLimits extends CircuitLimits {
  /** A handshake without SYN-ACK after this long has failed. */
  readonly connectTimeoutMs: number;
}

/** Time constant of the latency average, Finagle's default. */
const TAU_MS = 10_000;

/**
 * What an unmeasured backend with handshakes in flight costs for each of them: more than any measured one,
 * so that a new backend is tried with one connection first and not with all of them.
 */
const UNMEASURED_PENDING_COST = 1e9;

/** One backend of one VIP as its balancer knows it. */
export class Backend {
  readonly endpoint: Endpoint;
  readonly address: Address;
  readonly circuit: Circuit;
  readonly ewma = new PeakEwma(TAU_MS);
  readonly recent = new LatencyWindow();
  /** Handshakes in flight. */
  pending = 0;
  successes = 0;
  failures = 0;
  /** Whether a path to its node is known; true on a node without mesh. */
  reachable = true;
  /** Whether operators were last told that it is available. */
  announcedAvailable = true;

  constructor(endpoint: Endpoint, limits: CircuitLimits) {
    this.endpoint = endpoint;
    this.address = addressOf(endpoint);
    this.circuit = new Circuit(limits);
  }

  /** What sending one more connection here is expected to cost; compares backends, has no unit. */
  cost(nowMs: number): number {
    if (!this.ewma.measured) return this.pending * UNMEASURED_PENDING_COST;
    return this.ewma.read(nowMs) * (this.pending + 1);
  }

  /** Whether a client that waits for this backend should go on waiting: nothing speaks against it. */
  looksAlive(nowMs: number): boolean {
    return this.reachable && this.circuit.consecutiveFailures === 0 && this.circuit.available(nowMs);
  }

  /** A handshake finished; `latencyMs` is undefined when its length is not known. */
  succeeded(latencyMs: number | undefined, nowMs: number): void {
    this.successes += 1;
    this.circuit.succeeded();
    if (latencyMs === undefined) return;
    this.ewma.observe(latencyMs, nowMs);
    this.recent.record(latencyMs, nowMs);
  }

  failed(nowMs: number): void {
    this.failures += 1;
    this.circuit.failed(nowMs);
  }
}
