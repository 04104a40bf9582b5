/** Looks that are all taken, and which of the occasions after that: in a small fleet all are. */
const ALL_OF_FIRST = 10_000;
const STRIDE = 64;

/** When to look at all backends of a VIP, which costs more than what is judged by it. */
export class Sampling {
  private occasions = 0;
  private looks = 0;

  /** There is occasion to look: whether to. */
  isDue(): boolean {
    this.occasions += 1;
    return this.looks <= ALL_OF_FIRST || this.occasions % STRIDE === 0;
  }

  looked(count: number): void {
    this.looks += count;
  }
}
