/** Something that is to happen at an instant of virtual time. */
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
    this.tie = tie;
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

/**
 * What is to happen, in the order of (time, tie, sequence). The tie-break comes from the seed, so that what
 * falls on one instant happens in an order that differs between seeds and never between runs of a seed.
 *
 * A binary heap; cancelled entries stay in it until they surface or are the larger half.
 */
export class EventQueue {
  private heap: Entry[] = [];
  private cancelled = 0;
  private sequence = 0;

  /** Events that wait and are not cancelled. */
  get length(): number {
    return this.heap.length - this.cancelled;
  }

  push(timeMs: number, tie: number, run: () => void): Scheduled {
    this.sequence += 1;
    const entry = new Entry(timeMs, tie, this.sequence, run, this);
    this.heap.push(entry);
    this.rise(this.heap.length - 1);
    return entry;
  }

  /** Takes the first event, unless it is later than `untilMs`. */
  take(untilMs: number): Due | undefined {
    for (;;) {
      const first = this.heap[0];
      if (first === undefined || first.timeMs > untilMs) return undefined;
      this.removeFirst();
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
    this.heap = this.heap.filter((entry) => entry.action !== undefined);
    this.cancelled = 0;
    for (let at = (this.heap.length >> 1) - 1; at >= 0; at -= 1) this.sink(at);
  }

  private removeFirst(): void {
    const last = this.heap.pop()!;
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(0);
  }

  private rise(from: number): void {
    const { heap } = this;
    const entry = heap[from]!;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(entry, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
  }

  private sink(from: number): void {
    const { heap } = this;
    const entry = heap[from]!;
    let at = from;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, entry)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.sequence < b.sequence;
}
