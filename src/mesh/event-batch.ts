import type { MeshEvent } from '../ports/mesh.js';

/**
 * Events on their way to the receiver: those of one turn of the event loop go together, after all sockets were read
 * and never from inside a call.
 */
export class EventBatch {
  #deliver: (events: readonly MeshEvent[]) => void = () => {};
  readonly #before: (event: MeshEvent) => void;
  #events: MeshEvent[] = [];

  /** `before` is told of each event right before the receiver is told of them all. */
  constructor(before: (event: MeshEvent) => void) {
    this.#before = before;
  }

  receive(deliver: (events: readonly MeshEvent[]) => void): void {
    this.#deliver = deliver;
  }

  add(event: MeshEvent): void {
    if (this.#events.push(event) === 1) setImmediate(() => this.#flush());
  }

  /** Takes back the frames of a link that are still on their way. */
  forgetFrames(id: number): void {
    this.#events = this.#events.filter((event) => event.kind !== 'frame' || event.id !== id);
  }

  #flush(): void {
    const events = this.#events;
    this.#events = [];
    if (events.length === 0) return;
    for (const event of events) this.#before(event);
    this.#deliver(events);
  }
}
