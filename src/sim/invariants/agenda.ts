interface Appointment {
  readonly atMs: number;
  readonly check: () => void;
}

/** Checks that are due at an instant, in the order of their instants; those of one instant in the order of entry. */
export class Agenda {
  /** Soonest last, so that taking one costs nothing. */
  private readonly waiting: Appointment[] = [];

  /** The next instant at which something is due. */
  nextMs = Number.POSITIVE_INFINITY;

  add(atMs: number, check: () => void): void {
    const { waiting } = this;
    let low = 0;
    let high = waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (waiting[middle]!.atMs > atMs) low = middle + 1;
      else high = middle;
    }
    waiting.splice(low, 0, { atMs, check });
    this.nextMs = waiting[waiting.length - 1]!.atMs;
  }

  /** Does what is due by `nowMs`. */
  run(nowMs: number): void {
    while (this.nextMs <= nowMs) {
      const { check } = this.waiting.pop()!;
      this.nextMs = this.waiting[this.waiting.length - 1]?.atMs ?? Number.POSITIVE_INFINITY;
      check();
    }
  }
}
