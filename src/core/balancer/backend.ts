import { type Address, addressOf, type Endpoint } from '../endpoint.js';
import type { BackendStatus, LatencySummary } from '../status.js';
import {
  AVERAGE_AT_MS,
  AVERAGE_MS,
  CONSECUTIVE_FAILURES,
  costOf,
  ENDPOINT,
  FAILURES,
  LINE,
  PENDING,
  SUCCESSES,
  TAU_MS,
  UNREACHABLE,
} from './backend-line.js';
import { Circuit, type CircuitLimits } from './circuit.js';
import { LatencyWindow, NO_LATENCIES } from './latency-window.js';
import { averageAfter, decayed } from './peak-ewma.js';

/**
 * How a backend is chosen. `two-choices`: by what is known of them. `random`: by chance alone, dead or not, and for good: what
 * a rule of the packet filter would do. It is there to be compared with.
 */
export type BackendChoice = 'two-choices' | 'random';

export interface BalancerLimits extends CircuitLimits {
  /** A handshake without SYN-ACK after this long has failed. */
  readonly connectTimeoutMs: number;
  /** Two choices unless told otherwise. */
  readonly choice?: BackendChoice;
}

/** One backend of one VIP as its balancer knows it. */
export class Backend {
  readonly endpoint: Endpoint;
  readonly address: Address;
  /** Whether operators were last told that it is available. */
  announcedAvailable = true;
  readonly #limits: CircuitLimits;
  /** Made at its first failure, as most never fail. */
  #circuit: Circuit | undefined;
  /** Latencies of the last minute; made at the first. */
  #recent: LatencyWindow | undefined;
  #lines: Float64Array = new Float64Array(LINE);
  #at = 0;

  constructor(endpoint: Endpoint, limits: CircuitLimits) {
    this.endpoint = endpoint;
    this.address = addressOf(endpoint);
    this.#limits = limits;
    this.#lines[AVERAGE_MS] = -1;
    this.#lines[ENDPOINT] = endpoint;
  }

  /** Keeps its numbers in `lines` from now on, from index `at`. */
  moveTo(lines: Float64Array, at: number): void {
    lines.set(this.#lines.subarray(this.#at, this.#at + LINE), at);
    this.#lines = lines;
    this.#at = at;
  }

  /** Keeps its numbers by itself, so that it does not hold on to those of all others. */
  leaveTable(): void {
    this.moveTo(new Float64Array(LINE), 0);
  }

  /** Handshakes in flight. */
  get pending(): number {
    return this.#get(PENDING);
  }

  set pending(value: number) {
    this.#lines[this.#at + PENDING] = value;
  }

  /** Whether a path to its node is known; true on a node without mesh. */
  get reachable(): boolean {
    return this.#get(UNREACHABLE) === 0;
  }

  set reachable(value: boolean) {
    this.#lines[this.#at + UNREACHABLE] = value ? 0 : 1;
  }

  get consecutiveFailures(): number {
    return this.#get(CONSECUTIVE_FAILURES);
  }

  available(nowMs: number): boolean {
    return (
      this.#get(CONSECUTIVE_FAILURES) === 0 || this.#circuit === undefined || this.#circuit.available(nowMs)
    );
  }

  /** What sending one more connection here is expected to cost; compares backends, has no unit. */
  cost(nowMs: number): number {
    return costOf(this.#lines, this.#at, nowMs);
  }

  /** Whether a client that waits for this backend should go on waiting: nothing speaks against it. */
  looksAlive(): boolean {
    return this.reachable && this.consecutiveFailures === 0;
  }

  /** A handshake finished; `latencyMs` is undefined when its length is not known. */
  succeeded(latencyMs: number | undefined, nowMs: number): void {
    this.#lines[this.#at + SUCCESSES] = this.#get(SUCCESSES) + 1;
    if (this.consecutiveFailures > 0) {
      this.#lines[this.#at + CONSECUTIVE_FAILURES] = 0;
      this.#circuit?.succeeded();
    }
    if (latencyMs === undefined) return;
    this.#recent ??= new LatencyWindow();
    this.#recent.record(latencyMs, nowMs);
    const averageMs = this.#get(AVERAGE_MS);
    const atMs = this.#get(AVERAGE_AT_MS);
    this.#lines[this.#at + AVERAGE_MS] = averageAfter(
      averageMs < 0 ? undefined : averageMs,
      nowMs - atMs,
      latencyMs,
      TAU_MS,
    );
    // Events may be handled out of order; the average never grows younger by that.
    this.#lines[this.#at + AVERAGE_AT_MS] = averageMs < 0 ? nowMs : Math.max(atMs, nowMs);
  }

  failed(nowMs: number): void {
    this.#lines[this.#at + FAILURES] = this.#get(FAILURES) + 1;
    this.#circuit ??= new Circuit(this.#limits);
    this.#circuit.failed(nowMs);
    this.#lines[this.#at + CONSECUTIVE_FAILURES] = this.#circuit.consecutiveFailures;
  }

  status(nowMs: number): BackendStatus {
    const averageMs = this.#get(AVERAGE_MS);
    const latencies = this.#recent;
    let recent: LatencySummary | undefined;
    return {
      backend: this.endpoint,
      pending: this.pending,
      successes: this.#get(SUCCESSES),
      failures: this.#get(FAILURES),
      consecutiveFailures: this.consecutiveFailures,
      available: this.available(nowMs),
      reachable: this.reachable,
      ewmaMs: averageMs < 0 ? undefined : decayed(averageMs, nowMs - this.#get(AVERAGE_AT_MS), TAU_MS),
      // Made when it is asked for: it costs more than all the rest.
      get recent() {
        recent ??= latencies?.summary(nowMs) ?? NO_LATENCIES;
        return recent;
      },
    };
  }

  #get(field: number): number {
    return this.#lines[this.#at + field]!;
  }
}
