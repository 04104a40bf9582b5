import type { Endpoint } from '../core/endpoint.js';

/** A TCP SYN towards a VIP that the kernel holds until its verdict. */
export interface Syn {
  /** The kernel's packet id, unique per queue while the packet is held. */
  readonly id: number;
  readonly client: Endpoint;
  readonly vip: Endpoint;
  /** Index of the interface it came in by; 0 for a client on this host. */
  readonly inInterface: number;
  /** When the queue handed it to us, on the port's monotonic clock, in milliseconds. */
  readonly arrivedMs: number;
}

/** `accept` lets the packet go on (mapped, if its conntrack entry exists); `drop` makes the client's kernel retry. */
export type Verdict = 'accept' | 'drop';

export interface PacketQueueCounters {
  /** Packets handed to us since the queue was bound. */
  readonly received: number;
  /** Packets the kernel holds for us now, as it counts them. It shows its counts to user 0 only. */
  readonly depth: number | undefined;
  /**
   * Packets the kernel could not queue and dropped: full, or our socket had no room. Those it let pass because the
   * queue was full (FAIL_OPEN) it counts nowhere.
   */
  readonly droppedFull: number | undefined;
  readonly droppedNoBuffer: number | undefined;
  /** Times the socket overran (ENOBUFS) and reading went on. */
  readonly overruns: number;
  /** Packets that were no SYN we can read; they were accepted untouched. */
  readonly unreadable: number;
}

/**
 * One NFQUEUE. Packets arrive in batches in the kernel's order. The kernel never waits for us for ever: a
 * full queue lets packets pass unmapped, and so does a queue that nobody holds. Until it has a verdict a
 * SYN stays in `outstanding`, also across a crash of whoever was deciding on it, so none is ever stranded.
 */
export interface PacketQueue {
  readonly number: number;
  /** Replaces the receiver. Packets outstanding at that moment are not delivered again: ask `outstanding`. */
  receive(deliver: (syns: readonly Syn[]) => void): void;
  /** One verdict for each id; ids that are not outstanding are ignored. Order is kept. */
  verdict(ids: readonly number[], verdict: Verdict): void;
  /** What still waits for a verdict, oldest first. */
  outstanding(): readonly Syn[];
  counters(): PacketQueueCounters;
  /** Unbinds; what is outstanding is dropped by the kernel, so that clients retry. */
  close(): void;
}

export interface PacketQueues {
  /** Binds queue `number`; throws `KernelError` (another daemon holds it: EBUSY or EPERM). */
  open(number: number): PacketQueue;
}
