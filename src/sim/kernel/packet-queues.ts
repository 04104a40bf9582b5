import type { Endpoint } from '../../core/endpoint.js';
import { KernelError } from '../../ports/kernel-error.js';
import type {
  PacketQueue,
  PacketQueueCounters,
  PacketQueues,
  Syn,
  Verdict,
} from '../../ports/packet-queue.js';
import type { HostName, Journal } from '../engine/journal.js';
import type { Process } from '../engine/process.js';
import type { Stream } from '../engine/seed.js';
import type { Packet } from '../network/packet.js';
import type { KernelFaults } from './faults.js';
import type { QueueRule } from './rules.js';
import type { TcpSocket } from './tcp-socket.js';

/** How many SYNs a queue holds at most, as the daemon asks for. */
const LENGTH_MOST = 4_096;
/** SYNs that a daemon takes from a queue at once. */
const BATCH = 256;
/** Milliseconds between a packet's coming and a daemon's waking up over it. */
const WAKE_LEAST_MS = 0.02;
const WAKE_MOST_MS = 0.1;

/** A SYN that waits for its verdict, in the kernel. */
export interface HeldSyn {
  readonly id: number;
  readonly packet: Packet;
  readonly inInterface: number;
  /** The socket of this host that sent it, if one did. */
  readonly socket: TcpSocket | undefined;
  readonly sinceMs: number;
}

/** What queues need of the kernel around them. */
export interface QueueHost {
  readonly name: HostName;
  readonly nowMs: number;
  after(delayMs: number, run: () => void): void;
  /** Milliseconds of the host's monotonic clock. */
  clockMs(): number;
  /** An accepted SYN goes on behind the rule that queued it. */
  goOn(syn: HeldSyn): void;
}

/** The NFQUEUEs of one host. */
export class HostQueues {
  readonly faults: KernelFaults;
  readonly host: QueueHost;
  readonly random: Stream;
  private readonly journal: Journal;
  private readonly queues = new Map<number, KernelQueue>();

  constructor(host: QueueHost, journal: Journal, random: Stream, faults: KernelFaults) {
    this.host = host;
    this.journal = journal;
    this.random = random;
    this.faults = faults;
  }

  /** Those that somebody holds. */
  get held(): ReadonlyMap<number, KernelQueue> {
    return this.queues;
  }

  open(number: number, process: Process): KernelQueue {
    if (this.queues.has(number))
      throw new KernelError(
        'EBUSY',
        `packet queue ${number} is held by another process; end it, or set dataPlane.firstQueue to numbers that are free`,
      );
    const queue = new KernelQueue(this, number, process);
    this.queues.set(number, queue);
    return queue;
  }

  /** Queues a SYN as a rule says; false: it goes on, as if the rule were not there. */
  take(rule: QueueRule, packet: Packet, inInterface: number, socket: TcpSocket | undefined): boolean {
    const number = rule.firstQueue + (rule.queues > 1 ? this.random.below(rule.queues) : 0);
    const queue = this.queues.get(number);
    if (queue === undefined || !queue.take(packet, inInterface, socket)) {
      this.journal.write({
        kind: 'bypassed',
        host: this.host.name,
        queue: number,
        client: packet.from,
        vip: packet.to,
        why: queue === undefined ? 'unbound' : 'full',
      });
      return false;
    }
    return true;
  }

  queued(queue: number, { id, packet }: HeldSyn): void {
    this.journal.write({
      kind: 'queued',
      host: this.host.name,
      queue,
      id,
      client: packet.from,
      vip: packet.to,
    });
  }

  /** The end of a SYN's wait. */
  decide(queue: number, syn: HeldSyn, verdict: Verdict, by: 'daemon' | 'warden' | 'kernel'): void {
    if (syn.socket !== undefined) syn.socket.held = false;
    this.journal.write({
      kind: 'verdict',
      host: this.host.name,
      queue,
      id: syn.id,
      client: syn.packet.from,
      vip: syn.packet.to,
      verdict,
      by,
      tookMs: this.host.nowMs - syn.sinceMs,
    });
    if (verdict === 'accept') this.host.goOn(syn);
  }

  unbind(queue: KernelQueue): void {
    if (this.queues.get(queue.number) === queue) this.queues.delete(queue.number);
  }

  /** The machine ends: what was held is gone with it. */
  clear(): void {
    this.queues.clear();
  }
}

/** One NFQUEUE with the socket that is bound to it. */
export class KernelQueue {
  readonly number: number;
  private readonly all: HostQueues;
  private readonly process: Process;
  /** What waits in the kernel, in the order of the ids. */
  private readonly waiting = new Map<number, HeldSyn>();
  /** Of these, what the daemon has not read yet. */
  private unread: HeldSyn[] = [];
  private ids = 0;
  private waking = false;
  /** What reads the socket in the daemon. */
  reader: (syns: readonly HeldSyn[]) => void = () => {};
  /** Called when something waits that did not before. */
  filled: () => void = () => {};
  open = true;

  constructor(all: HostQueues, number: number, process: Process) {
    this.all = all;
    this.number = number;
    this.process = process;
  }

  get depth(): number {
    return this.waiting.size;
  }

  take(packet: Packet, inInterface: number, socket: TcpSocket | undefined): boolean {
    if (this.waiting.size >= Math.min(LENGTH_MOST, this.all.faults.queueLength)) {
      return false;
    }
    this.ids += 1;
    const syn: HeldSyn = { id: this.ids, packet, inInterface, socket, sinceMs: this.all.host.nowMs };
    this.waiting.set(syn.id, syn);
    this.unread.push(syn);
    if (socket !== undefined) socket.held = true;
    this.all.queued(this.number, syn);
    if (this.waiting.size === 1) this.filled();
    this.wake();
    return true;
  }

  /** Verdicts from the process's socket; what is not held is passed over. */
  verdict(ids: readonly number[], verdict: Verdict, by: 'daemon' | 'warden'): void {
    for (const id of ids) {
      const syn = this.waiting.get(id);
      if (syn === undefined) continue;
      this.waiting.delete(id);
      this.all.decide(this.number, syn, verdict, by);
    }
  }

  /** Empties the socket and accepts all that waits. */
  letGo(): void {
    this.unread = [];
    this.verdict([...this.waiting.keys()], 'accept', 'warden');
  }

  /** The socket is closed: the kernel drops what waits. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.unread = [];
    this.all.unbind(this);
    for (const syn of [...this.waiting.values()]) {
      this.waiting.delete(syn.id);
      this.all.decide(this.number, syn, 'drop', 'kernel');
    }
  }

  private wake(): void {
    if (this.waking) return;
    this.waking = true;
    this.all.host.after(this.all.random.between(WAKE_LEAST_MS, WAKE_MOST_MS), () =>
      this.process.enter(() => {
        this.waking = false;
        this.read();
      }),
    );
  }

  private read(): void {
    if (!this.open || this.unread.length === 0) return;
    const batch = this.unread;
    this.unread = batch.length > BATCH ? batch.splice(BATCH) : [];
    if (this.unread.length > 0) this.wake();
    this.reader(batch);
  }
}

/** Told of what a daemon's queues hold. */
export interface QueueWatcher {
  watch(queue: KernelQueue): void;
  unwatch(queue: KernelQueue): void;
}

/** The `PacketQueues` of one process. */
export class ProcessQueues implements PacketQueues {
  private readonly all: HostQueues;
  private readonly process: Process;
  private readonly watcher: QueueWatcher;

  constructor(all: HostQueues, process: Process, watcher: QueueWatcher) {
    this.all = all;
    this.process = process;
    this.watcher = watcher;
  }

  open(number: number): PacketQueue {
    const queue = this.all.open(number, this.process);
    this.watcher.watch(queue);
    this.process.onEnd(() => queue.close());
    return new OpenQueue(this.all, queue, this.watcher);
  }
}

class OpenQueue implements PacketQueue {
  readonly number: number;
  private readonly all: HostQueues;
  private readonly queue: KernelQueue;
  private readonly watcher: QueueWatcher;
  /** What was read and not decided on. */
  private readonly held = new Map<number, Syn>();
  private deliver: ((syns: readonly Syn[]) => void) | undefined;
  private received = 0;

  constructor(all: HostQueues, queue: KernelQueue, watcher: QueueWatcher) {
    this.all = all;
    this.queue = queue;
    this.watcher = watcher;
    this.number = queue.number;
    queue.reader = (syns) => this.read(syns);
  }

  receive(deliver: (syns: readonly Syn[]) => void): void {
    this.deliver = deliver;
  }

  verdict(ids: readonly number[], verdict: Verdict): void {
    const decided = ids.filter((id) => this.held.has(id));
    if (decided.length === 0) return;
    const code = this.all.faults.take('verdict');
    if (code !== undefined)
      throw new KernelError(code, `verdict on queue ${this.number}: sending a netlink request`);
    for (const id of decided) this.held.delete(id);
    this.queue.verdict(decided, verdict, 'daemon');
  }

  outstanding(): readonly Syn[] {
    return [...this.held.values()];
  }

  /** The kernel counts what it drops; of what passes because of FAIL_OPEN it keeps no count. */
  counters(): PacketQueueCounters {
    const { depth } = this.queue;
    return { received: this.received, depth, droppedFull: 0, droppedNoBuffer: 0, overruns: 0, unreadable: 0 };
  }

  close(): void {
    this.watcher.unwatch(this.queue);
    this.held.clear();
    this.deliver = undefined;
    this.queue.close();
  }

  private read(syns: readonly HeldSyn[]): void {
    const arrivedMs = this.all.host.clockMs();
    const batch: Syn[] = [];
    for (const { id, packet, inInterface } of syns) {
      const syn: Syn = { id, client: packet.from as Endpoint, vip: packet.to, inInterface, arrivedMs };
      this.held.set(id, syn);
      batch.push(syn);
    }
    this.received += batch.length;
    this.deliver?.(batch);
  }
}
