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

const NO_LINES = new Float64Array(0);

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
  #lines: Float64Array = NO_LINES;
  #at = 0;

  /** It has no numbers until it is in a table, or by itself: most are made for a table at once, tens of thousands of them. */
  constructor(endpoint: Endpoint, limits: CircuitLimits) {
    this.endpoint = endpoint;
    this.address = addressOf(endpoint);
    this.#limits = limits;
  }

  /** Keeps its numbers in `lines`, all zero so far, from now on, from index `at`. */
  moveTo(lines: Float64Array, at: number): void {
    if (this.#lines === NO_LINES) {
      lines[at + AVERAGE_MS] = -1;
      lines[at + ENDPOINT] = this.endpoint;
    } else for (let field = 0; field < LINE; field += 1) lines[at + field] = this.#get(field);
    this.#lines = lines;
    this.#at = at;
  }

  /** Keeps its numbers by itself, so that it does not hold on to those of all others. */
  standAlone(): void {
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

  get successes(): number {
    return this.#get(SUCCESSES);
  }

  get failures(): number {
    return this.#get(FAILURES);
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
    return new StatusAt(this, this.#get(AVERAGE_MS), this.#get(AVERAGE_AT_MS), this.#recent, nowMs);
  }

  #get(field: number): number {
    return this.#lines[this.#at + field]!;
  }
}

/** A backend at an instant. What takes longer to make than to copy is made when it is asked for. */
class StatusAt implements BackendStatus {
  readonly backend: Endpoint;
  readonly pending: number;
  readonly successes: number;
  readonly failures: number;
  readonly consecutiveFailures: number;
  readonly available: boolean;
  readonly reachable: boolean;
  readonly #averageMs: number;
  readonly #averageAtMs: number;
  readonly #latencies: LatencyWindow | undefined;
  readonly #nowMs: number;
  #recent: LatencySummary | undefined;

  constructor(
    backend: Backend,
    averageMs: number,
    averageAtMs: number,
    latencies: LatencyWindow | undefined,
    nowMs: number,
  ) {
    this.backend = backend.endpoint;
    this.pending = backend.pending;
    this.successes = backend.successes;
    this.failures = backend.failures;
    this.consecutiveFailures = backend.consecutiveFailures;
    this.available = backend.available(nowMs);
    this.reachable = backend.reachable;
    this.#averageMs = averageMs;
    this.#averageAtMs = averageAtMs;
    this.#latencies = latencies;
    this.#nowMs = nowMs;
  }

  get ewmaMs(): number | undefined {
    return this.#averageMs < 0
      ? undefined
      : decayed(this.#averageMs, this.#nowMs - this.#averageAtMs, TAU_MS);
  }

  get recent(): LatencySummary {
    this.#recent ??= this.#latencies?.summary(this.#nowMs) ?? NO_LATENCIES;
    return this.#recent;
  }
}
