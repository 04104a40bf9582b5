import { randomUUID } from 'node:crypto';
import type { Endpoint } from '../core/endpoint.js';
import { LastVips } from '../core/last-vips.js';
import { type LeaseDesk, type LeaseOutcome, Leases } from '../core/leases.js';
import type { Source, SourceReading } from '../ports/sources.js';
import type { Clock, Timer, Timers } from '../ports/time.js';

export interface HttpLeasesSpec {
  readonly maxLeases: number;
  readonly maxTtlMs: number;
}

/**
 * VIPs whose backends register themselves, over the API of this node: each for a time, within which it has to say so
 * again. They are in memory only; after a restart of the daemon they are back with their next heartbeat.
 */
export class HttpLeases implements Source, LeaseDesk {
  readonly name = 'http';
  readonly maxLeases: number;
  readonly maxTtlMs: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #leases: Leases;
  readonly #last = new LastVips(randomUUID());
  #changed: () => void = () => {};
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor({ maxLeases, maxTtlMs }: HttpLeasesSpec, clock: Clock, timers: Timers) {
    this.maxLeases = maxLeases;
    this.maxTtlMs = maxTtlMs;
    this.#clock = clock;
    this.#timers = timers;
    this.#leases = new Leases(maxLeases);
  }

  put(vip: Endpoint, backend: Endpoint, ttlMs: number): LeaseOutcome {
    const untilMs = this.#clock.nowMs() + ttlMs;
    const outcome = this.#leases.put(vip, backend, untilMs);
    if (outcome === 'full') return outcome;
    this.#wakeAt(untilMs);
    if (outcome === 'made') this.#changed();
    return outcome;
  }

  remove(vip: Endpoint, backend: Endpoint): boolean {
    const removed = this.#leases.remove(vip, backend);
    if (removed) this.#changed();
    return removed;
  }

  *running(): Iterable<{ readonly vip: Endpoint; readonly backend: Endpoint; readonly leftMs: number }> {
    const nowMs = this.#clock.nowMs();
    for (const { vip, backend, untilMs } of this.#leases.all()) {
      yield { vip, backend, leftMs: Math.max(0, untilMs - nowMs) };
    }
  }

  read(token: string | undefined, done: (reading: SourceReading) => void): void {
    this.#leases.expire(this.#clock.nowMs());
    done(this.#last.take(token, this.#leases.vips(), []));
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  close(): void {
    this.#timer?.cancel();
    this.#changed = () => {};
  }

  /** Heartbeats move ends away all the time, so a timer only ever moves to be earlier and looks anew when it fires. */
  #wakeAt(atMs: number): void {
    if (atMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = atMs;
    this.#timer = this.#timers.start(Math.max(0, atMs - this.#clock.nowMs()), () => this.#woken());
  }

  #woken(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#leases.expire(this.#clock.nowMs())) this.#changed();
    const nextMs = this.#leases.nextExpiryMs();
    if (nextMs !== undefined) this.#wakeAt(nextMs);
  }
}
