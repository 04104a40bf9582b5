import type { Source, SourceReading } from '../ports/sources.js';

type Done = (reading: SourceReading) => void;

/**
 * Keeps what a `Source` promises of its answers: exactly one each, also when the source is closed before
 * what it asked for has come, and one reading at a time.
 */
export class OneAnswer {
  readonly #name: string;
  #done: Done | undefined;
  #closed = false;

  constructor(name: Source['name']) {
    this.#name = name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Wraps `done` of a new reading; the answer is dropped when it comes too late or again. */
  expect(done: Done): Done {
    if (this.#done !== undefined) throw new Error(`${this.#name} is being read already`);
    this.#done = done;
    const answer: Done = (reading) => {
      if (this.#done !== done) return;
      this.#done = undefined;
      done(reading);
    };
    return answer;
  }

  close(): void {
    this.#closed = true;
    const done = this.#done;
    this.#done = undefined;
    done?.({ kind: 'failed', reason: `${this.#name} was closed` });
  }
}
