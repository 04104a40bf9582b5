import type { Socket } from 'node:net';

export interface WaitingRoomLimits {
  /** How long a connection may take from its first packet to its proof. */
  readonly handshakeTimeoutMs: number;
  /** Connections that have not proved themselves, at a time. */
  readonly maxWaiting: number;
  /** The same from one address. */
  readonly maxWaitingPerAddress: number;
}

interface Waiting {
  readonly socket: Socket;
  readonly address: string;
  readonly timer: NodeJS.Timeout;
}

/**
 * Connections from outside that have not proved themselves. Each has a short time. When there are too many, in all or
 * from one address, the one that waits longest goes: a peer is through in a few round trips, so who floods
 * us pushes out mostly himself.
 */
export class WaitingRoom {
  readonly #limits: WaitingRoomLimits;
  readonly #turnedAway: () => void;
  /** By the other end, in the order of arrival. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #byAddress = new Map<string, Set<string>>();

  /** `turnedAway` is called once for each connection that ended here, whoever ended it. */
  constructor(limits: WaitingRoomLimits, turnedAway: () => void) {
    this.#limits = limits;
    this.#turnedAway = turnedAway;
  }

  get size(): number {
    return this.#waiting.size;
  }

  enter(socket: Socket): void {
    const address = socket.remoteAddress;
    // Gone before we looked.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    const timer = setTimeout(() => this.#evict(key), this.#limits.handshakeTimeoutMs);
    this.#waiting.set(key, { socket, address, timer });
    const same = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, same.add(key));
    socket.once('close', () => {
      if (this.#remove(key) !== undefined) this.#turnedAway();
    });
    if (same.size > this.#limits.maxWaitingPerAddress) this.#evict(oldest(same));
    else if (this.#waiting.size > this.#limits.maxWaiting) this.#evict(oldest(this.#waiting.keys()));
  }

  /** The peer behind this socket, or behind the TLS that runs over it, proved itself. */
  admit(socket: Socket): void {
    this.#remove(keyOf(socket));
  }

  clear(): void {
    for (const key of [...this.#waiting.keys()]) this.#evict(key);
  }

  #evict(key: string): void {
    const entry = this.#remove(key);
    if (entry === undefined) return;
    this.#turnedAway();
    // A reset leaves nothing behind in the kernel.
    entry.socket.resetAndDestroy();
  }

  #remove(key: string): Waiting | undefined {
    const entry = this.#waiting.get(key);
    if (entry === undefined) return undefined;
    clearTimeout(entry.timer);
    this.#waiting.delete(key);
    const same = this.#byAddress.get(entry.address)!;
    same.delete(key);
    if (same.size === 0) this.#byAddress.delete(entry.address);
    return entry;
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

function oldest(keys: Iterable<string>): string {
  const [first] = keys;
  return first!;
}
