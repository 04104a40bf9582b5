import type { Endpoint } from '../../core/endpoint.js';
import type { Scheduled } from '../../core/event-queue.js';
import type { DialEvents, DialFailed } from './byte-stream.js';
import type { Station } from './station.js';
import type { StreamEnd } from './stream-end.js';
import { UNORDERED, type Wire } from './wire.js';

/** After the first SYN come six more, after 1, 2, 4 … seconds; with a last wait of 64 s it takes 127 s to give up. */
const SYNS_MOST = 7;
/** Until it is plain that nobody has the address: three ARP requests. */
const UNREACHABLE_MS = 3_000;
const SYN_OCTETS = 74;

/** The opening of one stream, from the first SYN on. */
export class Handshake {
  private readonly wire: Wire;
  private readonly end: StreamEnd;
  private readonly target: Station | undefined;
  private readonly token: number;
  private readonly events: DialEvents;
  /** Makes the other end, if somebody listens. */
  private readonly answerer: (from: Endpoint) => StreamEnd | undefined;
  private far: StreamEnd | undefined;
  private syns = 0;
  private timer: Scheduled | undefined;

  constructor(
    wire: Wire,
    end: StreamEnd,
    target: Station | undefined,
    token: number,
    events: DialEvents,
    answerer: (from: Endpoint) => StreamEnd | undefined,
  ) {
    this.wire = wire;
    this.end = end;
    this.target = target;
    this.token = token;
    this.events = events;
    this.answerer = answerer;
  }

  begin(): void {
    this.end.out.push('open');
    if (this.target !== undefined) this.syn(this.target);
    else this.end.station.host.lane.after(UNREACHABLE_MS, () => this.fail('unreachable'));
  }

  private syn(target: Station): void {
    if (this.end.gone) return;
    if (this.syns === SYNS_MOST) {
      this.fail('timeout');
      return;
    }
    this.syns += 1;
    this.timer = this.end.station.host.lane.after(1_000 * 2 ** (this.syns - 1), () => this.syn(target));
    const { station } = this.end;
    const atMs = this.wire.arrivalMs(station, target, SYN_OCTETS, UNORDERED, this.token, true);
    if (atMs === undefined) return;
    target.host.lane.after(atMs - this.wire.nowMs, () => {
      if (target.up) this.answer(target);
    });
  }

  /** The SYN reached its host. */
  private answer(target: Station): void {
    const { end } = this;
    if (this.far === undefined) {
      const far = this.answerer(end.local);
      if (far === undefined) {
        const atMs = this.wire.arrivalMs(target, end.station, SYN_OCTETS, UNORDERED, this.token, false);
        if (atMs === undefined) return;
        end.station.host.lane.after(atMs - this.wire.nowMs, () => this.fail('refused'));
        return;
      }
      this.far = far;
      far.established = true;
      far.peer = end;
      end.peer = far;
      far.out.open();
    }
    const { far } = this;
    if (far.gone) {
      // Its program was killed meanwhile, or its machine was started anew.
      far.out.signal(() => this.fail('refused'));
      return;
    }
    far.out.signal(() => this.connect(far));
  }

  /** The SYN-ACK is back. */
  private connect(far: StreamEnd): void {
    const { end, events } = this;
    if (end.gone) {
      end.out.signal(() => far.fail('reset'));
      return;
    }
    if (end.established) return;
    this.timer?.cancel();
    end.established = true;
    end.process.enter(() => {
      if (!end.deaf) events.connected();
    });
    end.out.open();
  }

  private fail(why: DialFailed): void {
    const { end, events } = this;
    if (end.gone || end.established) return;
    this.timer?.cancel();
    end.release();
    end.process.enter(() => {
      if (!end.deaf) events.failed(why);
    });
  }
}
