import type { Endpoint } from '../../../src/core/endpoint.js';
import { KernelError } from '../../../src/ports/kernel-error.js';
import type {
  PacketQueue,
  PacketQueueCounters,
  PacketQueues,
  Syn,
  Verdict,
} from '../../../src/ports/packet-queue.js';
import type { Clock } from '../../../src/ports/time.js';

export interface GivenVerdict {
  readonly syn: Syn;
  readonly verdict: Verdict;
  /** How long the SYN was held, in milliseconds. */
  readonly tookMs: number;
}

export class MemoryQueues implements PacketQueues {
  readonly opened = new Map<number, MemoryQueue>();
  /** Numbers that another daemon holds. */
  readonly taken = new Set<number>();
  /** Every verdict over all queues, in order. */
  readonly verdicts: GivenVerdict[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(number: number): MemoryQueue {
    if (this.taken.has(number) || this.opened.has(number))
      throw new KernelError('EBUSY', `queue ${number} is taken`);
    const queue = new MemoryQueue(number, this.#clock, this.verdicts);
    this.opened.set(number, queue);
    return queue;
  }
}

export class MemoryQueue implements PacketQueue {
  readonly number: number;
  closed = false;
  /** Verdicts on packets that were not held: somebody judged twice. */
  strayVerdicts = 0;
  readonly #clock: Clock;
  readonly #verdicts: GivenVerdict[];
  readonly #held = new Map<number, Syn>();
  #deliver: ((syns: readonly Syn[]) => void) | undefined;
  #received = 0;

  constructor(number: number, clock: Clock, verdicts: GivenVerdict[]) {
    this.number = number;
    this.#clock = clock;
    this.#verdicts = verdicts;
  }

  /** SYNs reach the host, in one batch; answers the packets. */
  arrive(...flows: readonly { client: Endpoint; vip: Endpoint; inInterface?: number }[]): readonly Syn[] {
    const syns = flows.map(({ client, vip, inInterface = 0 }): Syn => {
      this.#received += 1;
      return { id: this.#received, client, vip, inInterface, arrivedMs: this.#clock.nowMs() };
    });
    for (const syn of syns) this.#held.set(syn.id, syn);
    this.#deliver?.(syns);
    return syns;
  }

  receive(deliver: (syns: readonly Syn[]) => void): void {
    this.#deliver = deliver;
  }

  verdict(ids: readonly number[], verdict: Verdict): void {
    for (const id of ids) {
      const syn = this.#held.get(id);
      if (syn === undefined) {
        this.strayVerdicts += 1;
        continue;
      }
      this.#held.delete(id);
      this.#verdicts.push({ syn, verdict, tookMs: this.#clock.nowMs() - syn.arrivedMs });
    }
  }

  outstanding(): readonly Syn[] {
    return [...this.#held.values()];
  }

  counters(): PacketQueueCounters {
    const received = this.#received;
    const depth = this.#held.size;
    return { received, depth, droppedFull: 0, droppedNoBuffer: 0, overruns: 0, unreadable: 0 };
  }

  close(): void {
    this.closed = true;
    this.#held.clear();
  }
}
