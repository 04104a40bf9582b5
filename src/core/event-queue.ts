/** Something that is to happen at an instant. */
export interface Scheduled {
  readonly timeMs: number;
  /** After this returns it does not happen. Harmless when it has happened already. */
  cancel(): void;
}

/** An entry of the queue; `action` is let go of when the event is cancelled or happens. */
class Entry implements Scheduled, Due {
  readonly timeMs: number;
  readonly tie: number;
  readonly sequence: number;
  action: (() => void) | undefined;
  private queue: EventQueue | undefined;

  constructor(timeMs: number, tie: number, sequence: number, action: () => void, queue: EventQueue) {
    this.timeMs = timeMs;
    // The same order in 32 bits with a sign: those need no box of their own.
    this.tie = tie ^ 0x8000_0000;
    this.sequence = sequence;
    this.action = action;
    this.queue = queue;
  }

  cancel(): void {
    if (this.action === undefined || this.queue === undefined) return;
    this.action = undefined;
    this.queue.forget();
  }

  take(): void {
    this.queue = undefined;
  }

  run(): void {
    const { action } = this;
    this.action = undefined;
    action?.();
  }
}

/** What was due, with its place in the order. */
export interface Due {
  readonly timeMs: number;
  readonly sequence: number;
  /** Lets it happen; to be called once. */
  run(): void;
}

/** Room for so many to begin with. */
const SMALLEST = 1024;

/**
 * What is to happen, in the order of (time, tie, sequence). In a simulation the tie-break comes from the seed, so that what
 * falls on one instant happens in an order that differs between seeds and never between runs of a seed.
 *
 * A binary heap; cancelled entries stay in it until they surface or are the larger half. The times lie beside each other:
 * most comparisons need nothing else, and entries are anywhere in memory.
 */
export class EventQueue {
  private times = new Float64Array(SMALLEST);
  private readonly heap: Entry[] = [];
  private cancelled = 0;
  private sequence = 0;

  /** Events that wait and are not cancelled. */
  get length(): number {
    return this.heap.length - this.cancelled;
  }

  push(timeMs: number, tie: number, run: () => void): Scheduled {
    this.sequence += 1;
    const entry = new Entry(timeMs, tie, this.sequence, run, this);
    if (this.heap.length === this.times.length) this.grow();
    this.heap.push(entry);
    this.rise(this.heap.length - 1, entry);
    return entry;
  }

  /** When the first event is due; undefined if none waits. */
  nextMs(): number | undefined {
    while (this.heap.length > 0 && this.heap[0]!.action === undefined) {
      this.pop();
      this.cancelled -= 1;
    }
    return this.heap.length === 0 ? undefined : this.times[0];
  }

  /** Takes the first event, unless it is later than `untilMs`. */
  take(untilMs: number): Due | undefined {
    for (;;) {
      if (this.heap.length === 0 || this.times[0]! > untilMs) return undefined;
      const first = this.pop();
      if (first.action !== undefined) {
        first.take();
        return first;
      }
      this.cancelled -= 1;
    }
  }

  /** An entry was cancelled. */
  forget(): void {
    this.cancelled += 1;
    if (this.cancelled < 1024 || this.cancelled * 2 < this.heap.length) return;
    const { heap, times } = this;
    let kept = 0;
    for (const entry of heap) {
      if (entry.action === undefined) continue;
      heap[kept] = entry;
      times[kept] = entry.timeMs;
      kept += 1;
    }
    heap.length = kept;
    this.cancelled = 0;
    for (let at = (kept >> 1) - 1; at >= 0; at -= 1) this.sink(at, heap[at]!);
  }

  private pop(): Entry {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.sink(0, last);
    return first;
  }

  /** Puts an entry where it belongs, from the free place `from` upwards. */
  private rise(from: number, entry: Entry): void {
    const { heap, times } = this;
    const { timeMs } = entry;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const aboveMs = times[above]!;
      if (timeMs > aboveMs || (timeMs === aboveMs && !isBefore(entry, heap[above]!))) break;
      heap[at] = heap[above]!;
      times[at] = aboveMs;
      at = above;
    }
    heap[at] = entry;
    times[at] = timeMs;
  }

  /** The same, downwards. */
  private sink(from: number, entry: Entry): void {
    const { heap, times } = this;
    const { timeMs } = entry;
    const { length } = heap;
    let at = from;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= length) break;
      let belowMs = times[below]!;
      if (below + 1 < length) {
        const otherMs = times[below + 1]!;
        if (otherMs < belowMs || (otherMs === belowMs && isBefore(heap[below + 1]!, heap[below]!))) {
          below += 1;
          belowMs = otherMs;
        }
      }
      if (timeMs < belowMs || (timeMs === belowMs && isBefore(entry, heap[below]!))) break;
      heap[at] = heap[below]!;
      times[at] = belowMs;
      at = below;
    }
    heap[at] = entry;
    times[at] = timeMs;
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2);
    times.set(this.times);
    this.times = times;
  }
}

/** Of two at one instant. */
function isBefore(a: Entry, b: Entry): boolean {
  return a.tie !== b.tie ? a.tie < b.tie : a.sequence < b.sequence;
}
