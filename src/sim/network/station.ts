import type { Host } from '../engine/host.js';
import type { Packet } from './packet.js';
import type { StreamEnd } from './stream-end.js';

/** A host as the network sees it. */
export class Station {
  readonly host: Host;
  readonly index: number;
  readonly receive: (packet: Packet) => void;
  /** A machine that is down neither sends nor hears anything. */
  up = true;
  /** How many faults hide it from new connections. */
  blackholes = 0;
  /** What it can carry each way, by the faults that limit it. */
  readonly limits: number[] = [];
  /** When what it has to send, or to take in, has passed a limited link. */
  sendingUntilMs = 0;
  takingUntilMs = 0;
  /** Octets it put on the wire, headers included. */
  octetsSent = 0;
  /** When the last of what it sent left; strictly later for each. */
  leftMs = 0;
  /** While something delays packets: when the last of a connection arrives, so that none overtakes it. */
  readonly arrivals = new Map<number, number>();
  /** Ends of byte streams that its kernel knows. */
  readonly ends = new Set<StreamEnd>();
  private nextPort = EPHEMERAL_FIRST;

  constructor(host: Host, receive: (packet: Packet) => void) {
    this.host = host;
    this.index = host.index;
    this.receive = receive;
  }

  /** The narrowest of its limits in octets a millisecond, or undefined. */
  get bytesPerMs(): number | undefined {
    return this.limits.length === 0 ? undefined : Math.min(...this.limits);
  }

  ephemeralPort(): number {
    const port = this.nextPort;
    this.nextPort = port === EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1;
    return port;
  }
}

const EPHEMERAL_FIRST = 32768;
const EPHEMERAL_LAST = 60999;
