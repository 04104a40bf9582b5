/**
 * First in, first out; amortised constant time. What was taken is let go of at once. Its room is used again: most
 * mailboxes hold a message or two at a time, for ever.
 */
export class MessageQueue<M> {
  private items: (M | undefined)[] = [];
  private head = 0;
  /** Behind the newest; what lies from there on is free. */
  private tail = 0;

  get length(): number {
    return this.tail - this.head;
  }

  push(message: M): void {
    if (this.tail < this.items.length) this.items[this.tail] = message;
    else this.items.push(message);
    this.tail += 1;
  }

  /** Only to be called while `length` is above 0. */
  shift(): M {
    const message = this.items[this.head] as M;
    this.items[this.head] = undefined;
    this.head += 1;
    if (this.head === this.tail) {
      if (this.items.length > COMPACT_AT) this.items = [];
      this.head = 0;
      this.tail = 0;
    } else if (this.head >= COMPACT_AT && this.head * 2 >= this.tail) {
      this.items = this.items.slice(this.head, this.tail);
      this.tail -= this.head;
      this.head = 0;
    }
    return message;
  }

  /** Forgets everything; answers how many messages that were. */
  clear(): number {
    const { length } = this;
    this.items = [];
    this.head = 0;
    this.tail = 0;
    return length;
  }
}

/** Below this many taken messages the space they left is not worth a copy. */
const COMPACT_AT = 1024;
