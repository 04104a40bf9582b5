import type { Endpoint } from '../../core/endpoint.js';
import type { Scheduled } from '../../core/event-queue.js';
import type { Packet, Segment } from '../network/packet.js';
import type { CloseReason, Connection, ConnectionEvents } from './connection.js';

/** Milliseconds until an unanswered SYN is sent again; doubles each time. */
export const SYN_TIMEOUT_MS = 1_000;
/** Times a SYN is sent again: after 1, 3, 7, 15, 31 and 63 s; 127 s after the first it is given up. */
const SYN_RETRIES = 6;
const SYN_ACK_RETRIES = 5;
/** Data is sent again that often, up to two minutes apart: given up after about a quarter of an hour. */
const DATA_RETRIES = 15;
const RETRY_LEAST_MS = 200;
const RETRY_MOST_MS = 120_000;
/** Half-closed without a program: the other side has so long to finish. */
const FIN_TIMEOUT_MS = 60_000;
/** How far from what is expected a RST or a SYN still counts as meant for this connection. */
const WINDOW = 1_000;

const NOTHING: Packet[] = [];
const NOBODY: ConnectionEvents = { connected() {}, closed() {} };

export type SocketState =
  | 'syn-sent'
  | 'syn-recv'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'closing'
  | 'close-wait'
  | 'last-ack'
  | 'time-wait'
  | 'closed';

/** What a socket needs of the host's TCP. */
export interface SocketHost {
  readonly nowMs: number;
  after(delayMs: number, run: () => void): Scheduled;
  output(packet: Packet, socket: TcpSocket): void;
  /** Answers a packet that belongs to no connection. */
  reset(packet: Packet): void;
  /** The socket waits out its packets. */
  linger(socket: TcpSocket): void;
  release(socket: TcpSocket): void;
}

/** One end of a connection: RFC 9293's states, a message or a SYN or a FIN being one in the count each. */
export class TcpSocket implements Connection {
  readonly local: Endpoint;
  readonly peer: Endpoint;
  state: SocketState;
  /** Whether a SYN of this socket waits in a queue of this host: then it sends no other. */
  held = false;
  /** The peer's number of its SYN, to tell a repetition from a new one. */
  peerStart = 0;
  private readonly host: SocketHost;
  /** Of a socket that only waits for stray packets: until when, in virtual time. */
  lingersUntilMs = 0;
  private events: ConnectionEvents;
  private readonly start: number;
  private next: number;
  private acknowledged: number;
  private expected = 0;
  private unacknowledged: Packet[] = NOTHING;
  private retries = 0;
  private timer: Scheduled | undefined;
  private retryMs = RETRY_LEAST_MS;
  private sentMs = 0;
  /** An acknowledgement is owed that nothing has carried yet. */
  private owing = false;
  private closedHere = false;
  /** One for all timers of the socket: every segment sets one. */
  private readonly ring = (): void => {
    this.timer = undefined;
    this.overdue();
  };

  constructor(
    host: SocketHost,
    local: Endpoint,
    peer: Endpoint,
    start: number,
    state: 'syn-sent' | 'syn-recv',
    events: ConnectionEvents,
  ) {
    this.host = host;
    this.local = local;
    this.peer = peer;
    this.start = start;
    this.next = start + 1;
    this.acknowledged = start;
    this.state = state;
    this.events = events;
  }

  /** The client's first SYN. */
  open(): void {
    this.sentMs = this.host.nowMs;
    this.arm(SYN_TIMEOUT_MS);
    this.emit('syn', 0, this.start, 0);
    this.events.syn?.(1);
  }

  /** The server's answer to the SYN `packet`, which comes after `delayMs`. */
  answer(packet: Packet, delayMs: number): void {
    this.peerStart = packet.sequence ?? 0;
    this.expected = this.peerStart + 1;
    if (delayMs > 0) {
      this.timer = this.host.after(delayMs, () => {
        this.timer = undefined;
        this.answerNow();
      });
    } else this.answerNow();
  }

  /** Whether a new SYN may take over from this socket, which only waits for stray packets. */
  givesWayTo(syn: Packet): boolean {
    return this.state === 'time-wait' && (syn.sequence ?? 0) > this.expected;
  }

  send(size: number, says = 0): void {
    if (this.closedHere || !this.sends()) return;
    this.queue('data', size, says);
  }

  finish(): void {
    if (!this.sends()) return;
    this.state = this.state === 'close-wait' ? 'last-ack' : 'fin-wait-1';
    this.queue('fin', 0, 0);
  }

  close(): void {
    if (this.closedHere) return;
    if (this.state === 'syn-sent' || this.state === 'syn-recv') {
      this.end('abandoned');
      return;
    }
    this.closedHere = true;
    if (this.state === 'fin-wait-2') this.arm(FIN_TIMEOUT_MS);
    this.finish();
  }

  abort(): void {
    this.cut('abandoned');
  }

  /** The machine ends its programs; what stands is reset. */
  kill(): void {
    this.cut('host-ended');
  }

  /** Somebody on the way resets it, for both ends. */
  sever(): void {
    if (this.state !== 'syn-sent') this.cut('reset');
  }

  /** The machine ends, without a word. */
  vanish(): void {
    this.end('host-ended');
  }

  receive(packet: Packet): void {
    if (this.state === 'syn-sent') this.receiveAnswer(packet);
    else if (packet.segment === 'rst') this.receiveReset(packet);
    else if (packet.segment === 'syn') this.receiveSyn(packet);
    else this.receiveSegment(packet);
  }

  private cut(why: CloseReason): void {
    if (this.state === 'closed' || this.state === 'time-wait') return;
    // A client that has heard nothing has nothing to reset.
    if (this.state !== 'syn-sent') this.emit('rst', 0, this.next, 0);
    this.end(why);
  }

  private sends(): boolean {
    return this.state === 'established' || this.state === 'close-wait';
  }

  private receiveAnswer(packet: Packet): void {
    if (packet.segment === 'syn') return;
    const fits = packet.acknowledged === this.next;
    if (packet.segment === 'rst') {
      if (fits) this.end('refused');
      return;
    }
    if (!fits || packet.segment !== 'syn-ack') {
      // Half of an older connection: the other side must let go of it. The SYN goes on being sent.
      this.host.reset(packet);
      return;
    }
    this.acknowledged = this.next;
    this.peerStart = packet.sequence ?? 0;
    this.expected = this.peerStart + 1;
    this.state = 'established';
    if (this.retries === 0) this.measured();
    this.retries = 0;
    this.disarm();
    this.owing = true;
    this.events.connected((packet.says ?? 0) as Endpoint);
    this.pay();
  }

  private receiveReset(packet: Packet): void {
    const sequence = packet.sequence ?? 0;
    if (sequence === this.expected) {
      this.end(this.closedHere ? 'done' : 'reset');
    } else if (sequence > this.expected && sequence < this.expected + WINDOW) this.acknowledge();
  }

  private receiveSyn(packet: Packet): void {
    if (this.state === 'syn-recv' && packet.sequence === this.peerStart) {
      if (this.sentMs > 0) this.emit('syn-ack', 0, this.start, this.local);
      return;
    }
    // RFC 5961: a SYN that does not belong here is asked what it means by the number that is expected.
    this.acknowledge();
  }

  private receiveSegment(packet: Packet): void {
    const acknowledged = packet.acknowledged ?? 0;
    if (this.state === 'syn-recv') {
      if (acknowledged !== this.next) {
        this.host.reset(packet);
        return;
      }
      this.state = 'established';
      this.acknowledged = this.next;
      this.retries = 0;
      this.disarm();
      this.events.connected(this.peer);
    }
    if (acknowledged > this.next || packet.segment === 'syn-ack') {
      this.acknowledge();
      return;
    }
    if (acknowledged > this.acknowledged) this.acknowledgedUpTo(acknowledged);
    if (packet.segment === 'data' || packet.segment === 'fin') this.receiveInOrder(packet);
  }

  private receiveInOrder(packet: Packet): void {
    // Sent again although it came, or ahead of one that was lost: the number expected says which.
    if (packet.sequence !== this.expected || this.state === 'closed') {
      if (this.state !== 'closed') this.acknowledge();
      return;
    }
    if (packet.segment === 'data') {
      if (this.closedHere) {
        // Nobody is there to read it.
        this.emit('rst', 0, this.next, 0);
        this.end('done');
        return;
      }
      this.expected += 1;
      this.owing = true;
      this.events.data?.(packet.size, packet.says ?? 0);
      this.pay();
      return;
    }
    this.expected += 1;
    this.owing = true;
    switch (this.state) {
      case 'established':
        this.state = 'close-wait';
        if (this.events.ended === undefined) this.close();
        else this.events.ended();
        break;
      case 'fin-wait-1':
        this.state = 'closing';
        break;
      case 'fin-wait-2':
        this.pay();
        this.wait();
        return;
    }
    this.pay();
  }

  private acknowledgedUpTo(acknowledged: number): void {
    this.acknowledged = acknowledged;
    const clean = this.retries === 0;
    this.retries = 0;
    let done = 0;
    while (done < this.unacknowledged.length && this.unacknowledged[done]!.sequence! < acknowledged)
      done += 1;
    if (done === this.unacknowledged.length) this.unacknowledged = NOTHING;
    else this.unacknowledged.splice(0, done);
    if (clean && this.unacknowledged.length === 0) this.measured();
    if (this.unacknowledged.length > 0) {
      this.arm(this.retryMs);
      return;
    }
    this.disarm();
    if (this.state === 'fin-wait-1') {
      this.state = 'fin-wait-2';
      if (this.closedHere) this.arm(FIN_TIMEOUT_MS);
    } else if (this.state === 'closing') this.wait();
    else if (this.state === 'last-ack') this.end('done');
  }

  /** Both sides are through; stray packets of this connection still have to find it. */
  private wait(): void {
    this.disarm();
    if (this.state === 'closed') return;
    this.state = 'time-wait';
    this.host.linger(this);
    const { events } = this;
    // It waits for a minute, and nobody for it: what its program keeps can go.
    this.events = NOBODY;
    events.closed('done');
  }

  /** The retry timeout from a round trip: smoothed plus its deviation, both as after a first sample (RFC 6298). */
  private measured(): void {
    const roundTripMs = this.host.nowMs - this.sentMs;
    this.retryMs = roundTripMs + Math.max(RETRY_LEAST_MS, 2 * roundTripMs);
  }

  private queue(segment: 'data' | 'fin', size: number, says: number): void {
    const packet = this.segment(segment, size, this.next, says);
    this.next += 1;
    if (this.unacknowledged.length === 0) {
      this.sentMs = this.host.nowMs;
      this.arm(this.retryMs);
      this.unacknowledged = [packet];
    } else this.unacknowledged.push(packet);
    this.owing = false;
    this.host.output(packet, this);
  }

  private acknowledge(): void {
    this.owing = true;
    this.pay();
  }

  private pay(): void {
    if (!this.owing || this.state === 'closed') return;
    this.owing = false;
    this.emit('ack', 0, this.next, 0);
  }

  private answerNow(): void {
    this.sentMs = this.host.nowMs;
    this.arm(SYN_TIMEOUT_MS);
    this.emit('syn-ack', 0, this.start, this.local);
  }

  private emit(segment: Segment, size: number, sequence: number, says: number): void {
    this.host.output(this.segment(segment, size, sequence, says), this);
  }

  private segment(segment: Segment, size: number, sequence: number, says: number): Packet {
    return { from: this.local, to: this.peer, segment, size, sequence, acknowledged: this.expected, says };
  }

  private arm(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.host.after(delayMs, this.ring);
  }

  private disarm(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private overdue(): void {
    this.retries += 1;
    switch (this.state) {
      case 'syn-sent':
        if (this.retries > SYN_RETRIES) {
          this.end('timeout');
          return;
        }
        this.arm(SYN_TIMEOUT_MS * 2 ** this.retries);
        if (this.held) return;
        this.emit('syn', 0, this.start, 0);
        this.events.syn?.(this.retries + 1);
        break;
      case 'syn-recv':
        if (this.retries > SYN_ACK_RETRIES) {
          this.end('timeout');
          return;
        }
        this.arm(SYN_TIMEOUT_MS * 2 ** this.retries);
        this.emit('syn-ack', 0, this.start, this.local);
        break;
      case 'fin-wait-2':
        this.end('done');
        break;
      default:
        if (this.retries > DATA_RETRIES) {
          this.end(this.closedHere ? 'done' : 'timeout');
          return;
        }
        this.arm(Math.min(RETRY_MOST_MS, this.retryMs * 2 ** this.retries));
        // What came out of order was not kept, so all of it goes again.
        for (const packet of this.unacknowledged)
          this.emit(packet.segment, packet.size, packet.sequence!, packet.says!);
    }
  }

  private end(why: CloseReason): void {
    if (this.state === 'closed') return;
    this.disarm();
    this.state = 'closed';
    this.unacknowledged = NOTHING;
    this.host.release(this);
    this.events.closed(why);
  }
}
