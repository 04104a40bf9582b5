import type { Endpoint } from './endpoint.js';
import { NO_VIPS, type Vips } from './vips.js';

/** A backend that is behind a VIP until somebody fails to say so again in time. */
export interface Lease {
  readonly vip: Endpoint;
  readonly backend: Endpoint;
  /** On the clock that leases are counted by. */
  readonly untilMs: number;
}

export type LeaseOutcome = 'made' | 'renewed' | 'full';

/** Leases, at most so many. Times are monotonic milliseconds. */
export class Leases {
  readonly #most: number;
  readonly #byVip = new Map<Endpoint, Map<Endpoint, number>>();
  #size = 0;
  #vips: Vips = NO_VIPS;
  #changed = false;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** Makes a lease or renews it, which may also shorten it. */
  put(vip: Endpoint, backend: Endpoint, untilMs: number): LeaseOutcome {
    const backends = this.#byVip.get(vip);
    if (backends?.has(backend)) {
      backends.set(backend, untilMs);
      return 'renewed';
    }
    if (this.#size >= this.#most) return 'full';
    if (backends === undefined) this.#byVip.set(vip, new Map([[backend, untilMs]]));
    else backends.set(backend, untilMs);
    this.#size += 1;
    this.#changed = true;
    return 'made';
  }

  /** Ends a lease; false when there is none. */
  remove(vip: Endpoint, backend: Endpoint): boolean {
    const backends = this.#byVip.get(vip);
    if (!backends?.delete(backend)) return false;
    if (backends.size === 0) this.#byVip.delete(vip);
    this.#size -= 1;
    this.#changed = true;
    return true;
  }

  /** Ends those whose time is up; answers whether there were any. */
  expire(nowMs: number): boolean {
    const over = [...this.all()].filter(({ untilMs }) => untilMs <= nowMs);
    for (const { vip, backend } of over) this.remove(vip, backend);
    return over.length > 0;
  }

  /** When the next one is over; undefined when there is none. */
  nextExpiryMs(): number | undefined {
    let next: number | undefined;
    for (const { untilMs } of this.all()) if (next === undefined || untilMs < next) next = untilMs;
    return next;
  }

  *all(): Iterable<Lease> {
    for (const [vip, backends] of this.#byVip) {
      for (const [backend, untilMs] of backends) yield { vip, backend, untilMs };
    }
  }

  /** The same object as long as nothing changes. */
  vips(): Vips {
    if (this.#changed) {
      this.#vips = new Map([...this.#byVip].map(([vip, backends]) => [vip, new Set(backends.keys())]));
      this.#changed = false;
    }
    return this.#vips;
  }
}

/** Where leases are given, renewed and ended. */
export interface LeaseDesk {
  /** The longest time that is granted. */
  readonly maxTtlMs: number;
  readonly maxLeases: number;
  put(vip: Endpoint, backend: Endpoint, ttlMs: number): LeaseOutcome;
  /** False when there is none. */
  remove(vip: Endpoint, backend: Endpoint): boolean;
  /** Those that are running, with the time each has left. */
  running(): Iterable<{ readonly vip: Endpoint; readonly backend: Endpoint; readonly leftMs: number }>;
}
