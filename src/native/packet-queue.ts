import { readFileSync } from 'node:fs';
import type { Endpoint } from '../core/endpoint.js';
import { KernelError } from '../ports/kernel-error.js';
import type { PacketQueue, PacketQueueCounters, PacketQueues, Syn, Verdict } from '../ports/packet-queue.js';
import { addon, kernelCall, type NativePacketQueue, PACKET } from './addon.js';
import type { QueueWarden } from './queue-warden.js';

export interface PacketQueueOptions {
  /** How many SYNs the kernel holds for us at most; those beyond pass unmapped. */
  readonly maxLength: number;
  /** Bytes of the socket's buffer; a held packet takes up to 1.5 kB of it until it is read. */
  readonly receiveBytes: number;
}

/** Room for a full queue, so that the queue's own limit is met first, and packets pass instead of being lost. */
export const PACKET_QUEUE_DEFAULTS: PacketQueueOptions = { maxLength: 4096, receiveBytes: 16 << 20 };

/** `warden` is told of each queue, to let go what it holds when nobody reads it. */
export function nativePacketQueues(
  options: PacketQueueOptions = PACKET_QUEUE_DEFAULTS,
  warden?: QueueWarden,
): PacketQueues {
  return { open: (number) => new NativeQueue(number, bind(number, options), warden) };
}

function bind(number: number, options: PacketQueueOptions): NativePacketQueue {
  try {
    return kernelCall(
      `packet queue ${number}`,
      () => new (addon().PacketQueue)(number, options.maxLength, options.receiveBytes),
    );
  } catch (error) {
    // The kernel says EPERM both for a queue that another socket holds and for lack of the right to bind any.
    if (!(error instanceof KernelError) || error.code !== 'EPERM') throw error;
    const rows = kernelRows();
    if (rows === undefined) {
      throw new KernelError(
        'EPERM',
        `packet queue ${number} is held by another process (end it, or set dataPlane.firstQueue to numbers that are free), or this one lacks CAP_NET_ADMIN`,
      );
    }
    if (!rows.has(number)) throw error;
    throw new KernelError(
      'EBUSY',
      `packet queue ${number} is held by another process; end it, or set dataPlane.firstQueue to numbers that are free`,
    );
  }
}

class NativeQueue implements PacketQueue {
  readonly number: number;
  readonly #native: NativePacketQueue;
  readonly #ids: Uint32Array;
  readonly #warden: QueueWarden | undefined;

  constructor(number: number, native: NativePacketQueue, warden: QueueWarden | undefined) {
    this.number = number;
    this.#native = native;
    this.#ids = native.ids;
    this.#warden = warden;
    warden?.watch(native.descriptor());
  }

  receive(deliver: (syns: readonly Syn[]) => void): void {
    const { records } = this.#native;
    this.#native.receive((count) => deliver(decode(records, count)));
  }

  verdict(ids: readonly number[], verdict: Verdict): void {
    const accept = verdict === 'accept';
    for (let start = 0; start < ids.length; start += PACKET.batch) {
      const count = Math.min(ids.length - start, PACKET.batch);
      for (let i = 0; i < count; i += 1) this.#ids[i] = ids[start + i]!;
      kernelCall(`verdict on queue ${this.number}`, () => this.#native.verdict(count, accept));
    }
  }

  outstanding(): readonly Syn[] {
    const records = this.#native.outstanding();
    return decode(records, records.length / PACKET.columns);
  }

  counters(): PacketQueueCounters {
    const { received, unreadable, overruns } = this.#native.counters();
    const rows = kernelRows();
    const row = rows?.get(this.number) ?? (rows && NOTHING_HELD);
    return {
      received,
      depth: row?.depth,
      droppedFull: row?.droppedFull,
      droppedNoBuffer: row?.droppedNoBuffer,
      overruns,
      unreadable,
    };
  }

  close(): void {
    this.#warden?.unwatch(this.#native.descriptor());
    this.#native.close();
  }
}

function decode(records: Float64Array, count: number): readonly Syn[] {
  const syns: Syn[] = [];
  for (let row = 0; row < count; row += 1) {
    const at = row * PACKET.columns;
    syns.push({
      id: records[at]!,
      client: records[at + 1]! as Endpoint,
      vip: records[at + 2]! as Endpoint,
      inInterface: records[at + 3]!,
      arrivedMs: records[at + 4]!,
    });
  }
  return syns;
}

interface KernelRow {
  readonly depth: number;
  readonly droppedFull: number;
  readonly droppedNoBuffer: number;
}

/** A queue that is closed has no line. */
const NOTHING_HELD: KernelRow = { depth: 0, droppedFull: 0, droppedNoBuffer: 0 };

/**
 * The queues that somebody holds, by number, as procfs lists them; undefined if this user may not read that: only
 * user 0 may. Columns: number, port id, depth, copy mode, copy range, dropped when full, dropped for lack of
 * buffer, last id, 1. Of the thread, not of the process: a thread may be in another network namespace.
 */
function kernelRows(): ReadonlyMap<number, KernelRow> | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/thread-self/net/netfilter/nfnetlink_queue', 'utf8');
  } catch {
    return undefined;
  }
  const rows = new Map<number, KernelRow>();
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/).map(Number);
    if (columns.length < 7) continue;
    rows.set(columns[0]!, { depth: columns[2]!, droppedFull: columns[5]!, droppedNoBuffer: columns[6]! });
  }
  return rows;
}
