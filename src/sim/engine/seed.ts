import seedrandom from 'seedrandom';
import type { Random } from '../../ports/random.js';

/**
 * Where all chance of a run comes from. Each purpose has a stream of its own, so that drawing more or less
 * for one of them (a fault removed, a node added) leaves the others as they were.
 */
export class Seed {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  /** The stream of a purpose such as `n7/balancers`; asked twice it starts from the beginning twice. */
  stream(purpose: string): Stream {
    return new Stream(seedrandom.alea(`${this.value}/${purpose}`));
  }

  /** A 32-bit number of its own for each purpose. */
  number(purpose: string): number {
    return this.stream(purpose).below(0x1_0000_0000);
  }
}

/** A stream of random numbers with the draws that a simulation needs. */
export class Stream implements Random {
  private readonly draw: () => number;

  constructor(draw: () => number) {
    this.draw = draw;
  }

  next(): number {
    return this.draw();
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.draw() * count);
  }

  /** Uniform in [`from`, `to`). */
  between(from: number, to: number): number {
    return from + this.draw() * (to - from);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.draw() < probability;
  }

  /** One of the items; throws on none. */
  oneOf<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to choose from');
    return items[this.below(items.length)]!;
  }

  /** `count` of the items (all, if there are fewer), each at most once, in random order. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    const chosen: T[] = [];
    while (chosen.length < count && left.length > 0) {
      const at = this.below(left.length);
      chosen.push(left[at]!);
      left[at] = left[left.length - 1]!;
      left.pop();
    }
    return chosen;
  }
}
