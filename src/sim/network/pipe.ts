import type { Scheduled } from '../../core/event-queue.js';
import { mix } from './latency.js';
import type { StreamEnd } from './stream-end.js';
import { APART_MS, UNORDERED, type Wire } from './wire.js';

/** A piece of the stream; `open` completes the handshake, `fin` ends the stream. */
export interface Chunk {
  readonly kind: 'open' | 'data' | 'fin';
  readonly bytes: Uint8Array | undefined;
  readonly size: number;
  arrived: boolean;
  /** It was put on the wire and got lost; it is sent again when the timer fires. */
  lost: boolean;
}

/** Octets under way and unread at most: what a kernel's receive buffer is good for. */
const WINDOW = 256 * 1024;
/** Longer pieces are cut, so that the window opens bit by bit. */
const PIECE_MOST = 64 * 1024;
export const HIGH_WATER = 64 * 1024;
export const LOW_WATER = 16 * 1024;
/** Ethernet, IP and TCP around each packet; what is longer than a packet counts as one. */
const HEADERS = 66;
const FIRST_RETRY_MS = 200;
const RETRY_MOST_MS = 120_000;
/** Linux gives up after 15 retransmissions (tcp_retries2), which is 924.6 s. */
const GIVE_UP_MS = 924_600;

/**
 * One direction of a stream, as the two kernels keep it: what waits for the window, what is under way, what was
 * acknowledged. In the quiet a piece is one event, its arrival: acknowledgements are reckoned, not sent, unless
 * somebody waits for them. A timer runs only while something got lost.
 */
export class Pipe {
  private readonly wire: Wire;
  private readonly from: StreamEnd;
  private readonly salt: number;
  private readonly waiting: Chunk[] = [];
  private readonly flying: Chunk[] = [];
  /** Whether the handshake is through; nothing travels before. */
  private opened = false;
  private pieces = 0;
  /** Octets ever: handed over, arrived in order, acknowledged. */
  private handed = 0;
  private arrived = 0;
  private acknowledged = 0;
  /** Octets under way or unread. */
  private inWindow = 0;
  private lastArrivalMs = 0;
  /** Acknowledgements on their way back, by their arrival. */
  private readonly acks: { readonly atMs: number; readonly upTo: number }[] = [];
  private retry: Scheduled | undefined;
  private retryMs = FIRST_RETRY_MS;
  private troubleSinceMs: number | undefined;
  private unanswered = false;
  private wantsDrain = false;

  /** `salt` is a number of its own for each pipe: the latency of its pieces comes from it. */
  constructor(wire: Wire, from: StreamEnd, salt: number) {
    this.wire = wire;
    this.from = from;
    this.salt = salt;
  }

  private get to(): StreamEnd {
    return this.from.peer;
  }

  get buffered(): number {
    this.settle();
    return this.handed - this.acknowledged;
  }

  /** The handshake is through: what waits may travel. */
  open(): void {
    this.opened = true;
    this.pump();
  }

  /** Copies the octets; false when more than the high-water mark is unacknowledged. */
  write(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; at += PIECE_MOST) {
      this.push('data', bytes.slice(at, at + PIECE_MOST));
    }
    if (this.buffered <= HIGH_WATER) return true;
    if (!this.wantsDrain) {
      this.wantsDrain = true;
      this.drainLater();
    }
    return false;
  }

  push(kind: Chunk['kind'], bytes?: Uint8Array): void {
    const size = bytes?.length ?? 0;
    this.handed += size;
    this.waiting.push({ kind, bytes, size, arrived: false, lost: false });
    this.pump();
  }

  /** The receiving program took so many octets out of its buffer. */
  read(octets: number): void {
    this.inWindow -= octets;
    if (this.waiting.length > 0) this.answer();
  }

  /** Nobody cares any more: nothing is sent again; what is under way arrives. */
  forget(): void {
    this.waiting.length = 0;
    this.acks.length = 0;
    this.retry?.cancel();
    this.retry = undefined;
  }

  private pump(): void {
    if (!this.opened || this.from.gone) return;
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      if (this.inWindow > 0 && this.inWindow + next.size > WINDOW) {
        // The news that there is room again may get lost; so it is asked for, as by a zero-window probe.
        this.unanswered = true;
        this.retryLater();
        return;
      }
      this.waiting.shift();
      this.flying.push(next);
      this.inWindow += next.size;
      this.transmit(next);
    }
  }

  /** Sends a packet without octets behind what was sent; nobody sends it again. False when it gets lost. */
  signal(arrive: () => void): boolean {
    const atMs = this.leave(this.from, this.to, 0);
    if (atMs === undefined) return false;
    const { station } = this.to;
    station.host.lane.after(this.inOrder(atMs) - this.wire.nowMs, () => {
      if (station.up) arrive();
    });
    return true;
  }

  private transmit(chunk: Chunk): void {
    const atMs = this.leave(this.from, this.to, chunk.size);
    if (atMs === undefined) {
      chunk.lost = true;
      this.retryLater();
      return;
    }
    this.to.station.host.lane.after(this.inOrder(atMs) - this.wire.nowMs, () => this.arrive(chunk));
  }

  private inOrder(atMs: number): number {
    this.lastArrivalMs = Math.max(atMs, this.lastArrivalMs + APART_MS);
    return this.lastArrivalMs;
  }

  private leave(from: StreamEnd, to: StreamEnd, size: number): number | undefined {
    this.pieces += 1;
    return this.wire.arrivalMs(
      from.station,
      to.station,
      size + HEADERS,
      UNORDERED,
      mix(this.salt, this.pieces),
      false,
    );
  }

  private arrive(chunk: Chunk): void {
    const { to } = this;
    if (!to.station.up) {
      chunk.lost = true;
      this.retryLater();
      return;
    }
    if (to.gone || !to.established) {
      this.reset();
      return;
    }
    chunk.arrived = true;
    while (this.flying[0]?.arrived) {
      const next = this.flying.shift()!;
      this.arrived += next.size;
      // Refused data are answered by the RST that `take` sent.
      if (!to.take(next)) return;
    }
    this.answer();
  }

  /** The receiving kernel says how far it got, and with it how much room there is. */
  private answer(): void {
    const atMs = this.leave(this.to, this.from, 0);
    if (atMs === undefined) {
      this.unanswered = true;
      this.retryLater();
      return;
    }
    this.unanswered = false;
    this.retryMs = FIRST_RETRY_MS;
    this.troubleSinceMs = undefined;
    const last = this.acks[this.acks.length - 1];
    if (last === undefined || last.upTo < this.arrived) this.acks.push({ atMs, upTo: this.arrived });
    if (this.waiting.length > 0) {
      this.from.station.host.lane.after(atMs - this.wire.nowMs, () => this.pump());
    }
    if (this.wantsDrain) this.drainLater();
    else this.settle();
    if (this.from.closing && this.flying.length === 0 && this.waiting.length === 0) this.from.release();
  }

  private settle(): void {
    const { nowMs } = this.wire;
    while (this.acks.length > 0 && this.acks[0]!.atMs <= nowMs) {
      this.acknowledged = Math.max(this.acknowledged, this.acks.shift()!.upTo);
    }
  }

  private drainLater(): void {
    const next = this.acks[this.acks.length - 1];
    if (next === undefined) return;
    this.from.station.host.lane.after(next.atMs - this.wire.nowMs, () => {
      if (!this.wantsDrain || this.buffered > LOW_WATER) return;
      this.wantsDrain = false;
      this.from.drained();
    });
  }

  private retryLater(): void {
    if (this.retry !== undefined || this.from.gone || !this.from.station.up) return;
    this.troubleSinceMs ??= this.wire.nowMs;
    this.retry = this.from.station.host.lane.after(this.retryMs, () => this.again());
  }

  private again(): void {
    this.retry = undefined;
    const { from } = this;
    if (from.gone || !from.station.up) return;
    const lost = this.flying.filter((chunk) => chunk.lost);
    if (lost.length === 0 && !this.unanswered) return;
    if (this.wire.nowMs - (this.troubleSinceMs ?? this.wire.nowMs) >= GIVE_UP_MS) {
      from.fail('timeout');
      return;
    }
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MOST_MS);
    for (const chunk of lost) {
      chunk.lost = false;
      this.transmit(chunk);
    }
    if (lost.length === 0) this.probe();
  }

  /** Everything arrived, as far as can be known here, but no answer did: asks for one. */
  private probe(): void {
    const atMs = this.leave(this.from, this.to, 0);
    if (atMs === undefined) {
      this.retryLater();
      return;
    }
    this.to.station.host.lane.after(atMs - this.wire.nowMs, () => {
      if (!this.to.station.up) this.retryLater();
      else if (this.to.gone) this.reset();
      else this.answer();
    });
  }

  /** The receiving kernel knows no such connection. */
  private reset(): void {
    const { from } = this;
    if (this.to.out.signal(() => from.fail('reset'))) return;
    this.unanswered = true;
    this.retryLater();
  }
}
