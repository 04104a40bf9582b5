import type { Engine } from '../engine/engine.js';
import type { Stream } from '../engine/seed.js';
import { Latency } from './latency.js';
import type { Station } from './station.js';

/** Who is concerned; undefined stands for any host. Hosts by their index. */
export interface Way {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export interface Loss extends Way {
  readonly probability: number;
  readonly stream: Stream;
}

export interface Delay extends Way {
  readonly extraMs: number;
  readonly stream: Stream;
}

export interface Partition {
  readonly side: ReadonlySet<number>;
  /** What `side` sends still passes. */
  readonly oneWay: boolean;
}

/** What travels in order with nothing else: its order is kept by whoever sends it. */
export const UNORDERED = -1;

const LOOPBACK_MS = 0.02;
/** Between two things that one host sends: far below any latency, far above the rounding of a double. */
export const APART_MS = 1e-6;
/** A limited link queues that much; what comes on top is dropped, as the queue of an interface does. */
const QUEUE_MOST_MS = 1_000;

/**
 * What becomes of anything that is put on the wire: it is lost, or arrives at an instant. Things of one
 * connection arrive in the order they were sent; between connections there is no order.
 */
export class Wire {
  readonly latency: Latency;
  readonly losses: Loss[] = [];
  readonly delays: Delay[] = [];
  readonly partitions: Partition[] = [];
  /** Hosts with a limited link. */
  limited = 0;
  private readonly engine: Engine;
  /** Until then something that was held up is still on its way. */
  private disturbedUntilMs = Number.NEGATIVE_INFINITY;
  private disturbed: Station[] = [];

  constructor(engine: Engine) {
    this.engine = engine;
    this.latency = new Latency(engine.seed.number('network latency'));
  }

  get nowMs(): number {
    return this.engine.nowMs;
  }

  /**
   * When what leaves `from` now reaches `to`; undefined when it never does. `connection` numbers what must
   * stay in order, `token` chooses the latency, `opens` says that it asks for a new connection.
   */
  arrivalMs(
    from: Station,
    to: Station,
    octets: number,
    connection: number,
    token: number,
    opens: boolean,
  ): number | undefined {
    if (!from.up) return undefined;
    const { nowMs } = this.engine;
    from.leftMs = nowMs > from.leftMs ? nowMs : from.leftMs + APART_MS;
    if (from === to) return from.leftMs + LOOPBACK_MS;
    from.octetsSent += octets;
    if (opens && to.blackholes > 0) return undefined;
    if (this.partitions.length > 0 && this.divides(from.index, to.index)) return undefined;
    if (this.losses.length > 0 && this.loses(from.index, to.index)) return undefined;
    const usualMs = from.leftMs + this.latency.between(from.index, to.index, token);
    if (this.delays.length === 0 && this.limited === 0 && nowMs > this.disturbedUntilMs) {
      if (this.disturbed.length > 0) this.calm();
      return usualMs;
    }
    return this.heldUp(from, to, octets, connection, usualMs);
  }

  private divides(from: number, to: number): boolean {
    for (const { side, oneWay } of this.partitions) {
      const inside = side.has(from);
      if (inside !== side.has(to) && !(oneWay && inside)) return true;
    }
    return false;
  }

  private loses(from: number, to: number): boolean {
    for (const loss of this.losses) {
      if (concerns(loss, from, to) && loss.stream.chance(loss.probability)) return true;
    }
    return false;
  }

  private heldUp(
    from: Station,
    to: Station,
    octets: number,
    connection: number,
    usualMs: number,
  ): number | undefined {
    const { nowMs } = this.engine;
    let atMs = usualMs;
    for (const delay of this.delays) {
      if (concerns(delay, from.index, to.index)) atMs += delay.extraMs * (1 + delay.stream.next());
    }
    const sending = from.bytesPerMs;
    if (sending !== undefined) {
      const waitMs = Math.max(0, from.sendingUntilMs - nowMs);
      if (waitMs > QUEUE_MOST_MS) return undefined;
      from.sendingUntilMs = nowMs + waitMs + octets / sending;
      atMs += waitMs + octets / sending;
    }
    const taking = to.bytesPerMs;
    if (taking !== undefined) {
      const waitMs = Math.max(0, to.takingUntilMs - atMs);
      if (waitMs > QUEUE_MOST_MS) return undefined;
      to.takingUntilMs = atMs + waitMs + octets / taking;
      atMs = to.takingUntilMs;
    }
    if (connection !== UNORDERED) {
      if (from.arrivals.size === 0) this.disturbed.push(from);
      const before = from.arrivals.get(connection);
      if (before !== undefined && atMs <= before) atMs = before + APART_MS;
      from.arrivals.set(connection, atMs);
    }
    if (atMs > this.disturbedUntilMs) this.disturbedUntilMs = atMs;
    return atMs;
  }

  private calm(): void {
    for (const station of this.disturbed) station.arrivals.clear();
    this.disturbed = [];
  }
}

function concerns(way: Way, from: number, to: number): boolean {
  return (way.from === undefined || way.from === from) && (way.to === undefined || way.to === to);
}
