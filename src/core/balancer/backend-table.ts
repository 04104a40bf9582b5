import type { Backend } from './backend.js';
import { CONSECUTIVE_FAILURES, costOf, LINE, UNREACHABLE } from './backend-line.js';

/** The backends of one balancer for picking: by index, their numbers side by side. */
export class BackendTable {
  readonly backends: readonly Backend[];
  /** The indices in an order that picking shuffles: the first `reachable` of them have a path to their node. */
  readonly order: Int32Array;
  /** Kept apart from the others, so that a pick among many finds one even when most of the machines are gone. */
  reachable = 0;
  readonly #lines: Float64Array;

  /** The backends keep their numbers in this table from now on, until they move to another. */
  constructor(backends: readonly Backend[]) {
    this.backends = backends;
    this.order = new Int32Array(backends.length);
    this.#lines = new Float64Array(LINE * backends.length);
    for (let index = 0; index < backends.length; index += 1) {
      this.order[index] = index;
      backends[index]!.moveTo(this.#lines, index * LINE);
    }
    this.partition();
  }

  /** To be called when it changed who is reachable. */
  partition(): void {
    const { order } = this;
    let front = 0;
    for (let at = 0; at < order.length; at += 1) {
      const index = order[at]!;
      if (this.#lines[index * LINE + UNREACHABLE] !== 0) continue;
      order[at] = order[front]!;
      order[front] = index;
      front += 1;
    }
    this.reachable = front;
  }

  /** Index into `PICK_BUCKETS`, best first: takes traffic and has a path to its node; takes traffic; the rest. */
  bucket(index: number, nowMs: number): number {
    const at = index * LINE;
    if (this.#lines[at + CONSECUTIVE_FAILURES]! > 0 && !this.backends[index]!.available(nowMs)) return 2;
    return this.#lines[at + UNREACHABLE]! === 0 ? 0 : 1;
  }

  cost(index: number, nowMs: number): number {
    return costOf(this.#lines, index * LINE, nowMs);
  }
}
