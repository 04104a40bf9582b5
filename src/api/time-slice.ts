import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a walk over many VIPs may hold the event loop, which also places connections. */
const SLICE_MS = 1;
/** A reading of the clock costs as much as a small step: look only now and then. */
const STEPS_PER_LOOK = 8;

/**
 * Divides long walks into slices of about a millisecond, at most one slice of all walks together in a turn
 * of the event loop. However many clients ask at once, the connections that come in between wait for one.
 */
export class TimeSlices {
  #last: Promise<void> = Promise.resolve();

  /**
   * The items in groups, each collected in one slice. Items are drawn lazily, so `items` decides how fine
   * the steps are. A group also ends when the sizes of its items add up to `maxSize`.
   */
  async *divide<T>(
    items: Iterable<T>,
    maxSize = Number.POSITIVE_INFINITY,
    sizeOf: (item: T) => number = () => 0,
  ): AsyncGenerator<readonly T[], void, void> {
    const iterator = items[Symbol.iterator]();
    try {
      for (;;) {
        await this.#turn();
        const startedMs = performance.now();
        const group: T[] = [];
        let size = 0;
        let done = false;
        for (let steps = 1; size < maxSize; steps += 1) {
          const next = iterator.next();
          if (next.done === true) {
            done = true;
            break;
          }
          group.push(next.value);
          size += sizeOf(next.value);
          if (steps % STEPS_PER_LOOK === 0 && performance.now() - startedMs >= SLICE_MS) break;
        }
        if (group.length > 0) yield group;
        if (done) return;
      }
    } finally {
      iterator.return?.();
    }
  }

  /** Answers in a turn that no other walk has. */
  async #turn(): Promise<void> {
    const mine = this.#last.then(() => nextTurn());
    this.#last = mine;
    await mine;
  }
}
