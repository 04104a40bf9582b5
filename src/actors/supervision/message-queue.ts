/** First in, first out; amortised constant time. What was taken is let go of at once. */
export class MessageQueue<M> {
  private items: (M | undefined)[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(message: M): void {
    this.items.push(message);
  }

  /** Only to be called while `length` is above 0. */
  shift(): M {
    const message = this.items[this.head] as M;
    this.items[this.head] = undefined;
    this.head += 1;
    if (this.head === this.items.length) {
      this.items = [];
      this.head = 0;
    } else if (this.head >= COMPACT_AT && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return message;
  }

  /** Forgets everything; answers how many messages that were. */
  clear(): number {
    const { length } = this;
    this.items = [];
    this.head = 0;
    return length;
  }
}

/** Below this many taken messages the space they left is not worth a copy. */
const COMPACT_AT = 1024;
