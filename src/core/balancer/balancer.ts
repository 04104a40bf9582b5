import type { Address, Endpoint } from '../endpoint.js';
import type { BackendStatus } from '../status.js';
import type { Telemetry } from '../telemetry.js';
import { Backend, type BalancerLimits } from './backend.js';
import { BackendTable } from './backend-table.js';
import { pick, pickAtRandom } from './pick.js';

/** Why a backend's handshake did not finish. */
export type FailureReason = 'refused' | 'timeout';

/** A backend passed from available to unavailable or back; operators are told. */
export interface AvailabilityChange {
  readonly backend: Endpoint;
  readonly available: boolean;
  readonly reason: string;
}

/** Remembers what is known of backends that left, so that one that flaps does not come back as a stranger. */
export interface DepartedBackends {
  readonly size: number;
  get(key: string): Backend | undefined;
  set(key: string, backend: Backend): unknown;
  delete(key: string): unknown;
}

const NOWHERE: ReadonlySet<Address> = new Set();

interface Handshake {
  readonly backend: Backend;
  readonly startedMs: number;
}

/**
 * Chooses backends for the connections to one VIP and learns from how their handshakes went. No I/O: time
 * and randomness are passed in, changes worth telling are returned.
 *
 * `pending` of a backend equals its handshakes in flight: each one begun by `place` or `retransmit` ends
 * exactly once, by `answered`, `refused`, `release` or `expire`.
 */
export class Balancer {
  readonly vip: Endpoint;
  readonly #limits: BalancerLimits;
  readonly #telemetry: Telemetry;
  readonly #departed: DepartedBackends;
  readonly #unreachable: () => ReadonlySet<Address>;
  /** Whom the backends were last compared with. */
  #avoided: ReadonlySet<Address> = NOWHERE;
  /** Whom to serve instead, once somebody asks: of many VIPs most are never called from this node, and cost nothing then. */
  #named: ReadonlySet<Endpoint> | undefined;
  readonly #byEndpoint = new Map<Endpoint, Backend>();
  /** The same backends, to pick from. */
  #table = new BackendTable([]);
  /** Handshakes in flight by client, oldest first (a Map keeps the order of insertion). */
  readonly #handshakes = new Map<Endpoint, Handshake>();
  #changes: AvailabilityChange[] = [];

  /**
   * `unreachable`: the addresses of nodes that no path leads to, another set whenever they change. It is asked for when it
   * matters, so that news of nodes cost nothing to the many VIPs that nobody connects to meanwhile.
   */
  constructor(
    vip: Endpoint,
    limits: BalancerLimits,
    telemetry: Telemetry,
    departed: DepartedBackends,
    unreachable: () => ReadonlySet<Address>,
  ) {
    this.vip = vip;
    this.#limits = limits;
    this.#telemetry = telemetry;
    this.#departed = departed;
    this.#unreachable = unreachable;
  }

  get backendCount(): number {
    return this.#named?.size ?? this.#byEndpoint.size;
  }

  get handshakesInFlight(): number {
    return this.#handshakes.size;
  }

  /** The backends' pending handshakes together: `handshakesInFlight` but for those to backends that left. */
  pending(): number {
    let sum = 0;
    for (const backend of this.#byEndpoint.values()) sum += backend.pending;
    return sum;
  }

  /** Clients whose handshakes are in flight, oldest first. */
  waiting(): Endpoint[] {
    return [...this.#handshakes.keys()];
  }

  /** Clients whose handshakes `expire` would count as failed, oldest first. */
  overdue(nowMs: number): Endpoint[] {
    const clients: Endpoint[] = [];
    for (const [client, handshake] of this.#handshakes) {
      if (nowMs - handshake.startedMs < this.#limits.connectTimeoutMs) break;
      clients.push(client);
    }
    return clients;
  }

  /** The backend chosen for a client whose handshake is in flight. */
  backendOf(client: Endpoint): Endpoint | undefined {
    return this.#handshakes.get(client)?.backend.endpoint;
  }

  /**
   * Makes the backends exactly these; the set must not change afterwards. Handshakes with one that left still end where they
   * began.
   */
  setBackends(endpoints: ReadonlySet<Endpoint>): void {
    if (this.#byEndpoint.size === 0) this.#named = endpoints;
    else this.#replace(endpoints);
  }

  #replace(endpoints: ReadonlySet<Endpoint>): void {
    this.#named = undefined;
    for (const [endpoint, backend] of this.#byEndpoint) {
      if (endpoints.has(endpoint)) continue;
      this.#byEndpoint.delete(endpoint);
      backend.standAlone();
      this.#departed.set(this.#departedKey(endpoint), backend);
    }
    for (const endpoint of endpoints) {
      if (this.#byEndpoint.has(endpoint)) continue;
      this.#byEndpoint.set(endpoint, this.#takeDeparted(endpoint) ?? new Backend(endpoint, this.#limits));
    }
    this.#table = new BackendTable([...this.#byEndpoint.values()]);
    this.#avoid(this.#unreachable());
  }

  /**
   * Ends its service, because the VIP went or a new balancer takes over: handshakes in flight count no more,
   * and what is known of the backends waits for whoever serves them next.
   */
  retire(): void {
    for (const client of this.#handshakes.keys()) this.#end(client);
    this.setBackends(new Set());
  }

  /**
   * Chooses a backend for a SYN and counts the handshake as in flight; undefined when there is none. Asked
   * again for a client whose handshake is in flight, it answers the same while it has that backend; the handshake
   * begins anew: it may be of another connection, from a port that is used again before we heard of the first.
   */
  place(client: Endpoint, nowMs: number, random: () => number): Endpoint | undefined {
    const known = this.#handshakes.get(client);
    this.#end(client);
    if (known !== undefined && this.#byEndpoint.get(known.backend.endpoint) === known.backend) {
      this.#track(client, known.backend, nowMs);
      return known.backend.endpoint;
    }
    return this.#begin(client, nowMs, random, undefined);
  }

  /**
   * A SYN came again for a connection the kernel has mapped to `existing` and that was never answered: keep
   * that backend while nothing speaks against it, else choose another one. Either way one handshake is in
   * flight afterwards.
   */
  retransmit(
    client: Endpoint,
    existing: Endpoint,
    nowMs: number,
    random: () => number,
  ): Endpoint | undefined {
    this.release(client);
    this.#look();
    const backend = this.#byEndpoint.get(existing);
    if (backend !== undefined && (this.#limits.choice === 'random' || backend.looksAlive())) {
      this.#track(client, backend, nowMs);
      return existing;
    }
    return this.#begin(client, nowMs, random, backend);
  }

  /** The connection was not made after all: its handshake counts neither way. */
  release(client: Endpoint): void {
    this.#end(client);
  }

  /**
   * The backend's SYN-ACK came. `measured` is false when it came at an unknown time before `nowMs`. An answer
   * to a handshake that is not in flight (it timed out, or began before a restart) changes nothing.
   */
  answered(client: Endpoint, from: Endpoint, nowMs: number, measured: boolean): void {
    const handshake = this.#endWith(client, from);
    if (handshake === undefined) return;
    const tookMs = Math.max(0, nowMs - handshake.startedMs);
    this.#telemetry.handshakeAnswered(measured ? tookMs : undefined);
    handshake.backend.succeeded(measured ? tookMs : undefined, nowMs);
    this.#announce(handshake.backend, nowMs, 'a handshake finished');
  }

  /** The backend answered with a reset. */
  refused(client: Endpoint, from: Endpoint, nowMs: number): void {
    const handshake = this.#endWith(client, from);
    if (handshake === undefined) return;
    this.#telemetry.handshakeRefused();
    this.#failed(handshake.backend, 'refused', nowMs);
  }

  /** Counts handshakes without an answer for longer than the connect timeout as failed. */
  expire(nowMs: number): void {
    for (const client of this.overdue(nowMs)) {
      const { backend } = this.#handshakes.get(client)!;
      this.#end(client);
      this.#telemetry.handshakeTimedOut();
      this.#failed(backend, 'timeout', nowMs);
    }
  }

  /** When `expire` has something to do next, or undefined when nothing is in flight. */
  nextExpiryMs(): number | undefined {
    for (const handshake of this.#handshakes.values()) {
      return handshake.startedMs + this.#limits.connectTimeoutMs;
    }
    return undefined;
  }

  /** Availability changes since the last call. */
  takeChanges(): readonly AvailabilityChange[] {
    if (this.#changes.length === 0) return this.#changes;
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  endpoints(): Iterable<Endpoint> {
    return this.#named?.keys() ?? this.#byEndpoint.keys();
  }

  *statuses(nowMs: number): Iterable<BackendStatus> {
    this.#look();
    for (const backend of this.#byEndpoint.values()) {
      yield backend.status(nowMs);
    }
  }

  #begin(
    client: Endpoint,
    nowMs: number,
    random: () => number,
    except: Backend | undefined,
  ): Endpoint | undefined {
    this.#look();
    const choice =
      this.#limits.choice === 'random'
        ? pickAtRandom(this.#table, nowMs, random)
        : pick(this.#table, nowMs, random, except);
    if (choice === undefined) return undefined;
    this.#telemetry.picked(choice.algorithm, choice.bucket);
    this.#track(client, choice.backend, nowMs);
    return choice.backend.endpoint;
  }

  /** To be called before a backend is looked for. */
  #look(): void {
    if (this.#named !== undefined) {
      this.#replace(this.#named);
      return;
    }
    const unreachable = this.#unreachable();
    if (unreachable !== this.#avoided) this.#avoid(unreachable);
  }

  #avoid(unreachable: ReadonlySet<Address>): void {
    this.#avoided = unreachable;
    for (const backend of this.#byEndpoint.values()) backend.reachable = !unreachable.has(backend.address);
    this.#table.partition();
  }

  #track(client: Endpoint, backend: Backend, nowMs: number): void {
    backend.pending += 1;
    this.#handshakes.set(client, { backend, startedMs: nowMs });
  }

  #end(client: Endpoint): void {
    const handshake = this.#handshakes.get(client);
    if (handshake === undefined) return;
    this.#handshakes.delete(client);
    handshake.backend.pending -= 1;
  }

  #endWith(client: Endpoint, from: Endpoint): Handshake | undefined {
    const handshake = this.#handshakes.get(client);
    // An event of an older connection from the same client port must not speak for this one.
    if (handshake === undefined || handshake.backend.endpoint !== from) return undefined;
    this.#end(client);
    return handshake;
  }

  #failed(backend: Backend, reason: FailureReason, nowMs: number): void {
    backend.failed(nowMs);
    const text = reason === 'refused' ? 'it refuses connections' : 'no answer within the connect timeout';
    this.#announce(backend, nowMs, `${backend.consecutiveFailures} failures in a row: ${text}`);
  }

  #announce(backend: Backend, nowMs: number, reason: string): void {
    const available = backend.available(nowMs);
    if (available === backend.announcedAvailable) return;
    // The end of the back-off is a trial, not a recovery: only a finished handshake is announced as one.
    if (available && backend.consecutiveFailures > 0) return;
    backend.announcedAvailable = available;
    this.#changes.push({ backend: backend.endpoint, available, reason });
  }

  #takeDeparted(endpoint: Endpoint): Backend | undefined {
    if (this.#departed.size === 0) return undefined;
    const key = this.#departedKey(endpoint);
    const backend = this.#departed.get(key);
    if (backend !== undefined) this.#departed.delete(key);
    return backend;
  }

  #departedKey(endpoint: Endpoint): string {
    return `${this.vip} ${endpoint}`;
  }
}
