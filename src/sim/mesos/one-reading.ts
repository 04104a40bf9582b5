import type { SourceReading } from '../../ports/sources.js';

type Done = (reading: SourceReading) => void;

/** Keeps what a source promises: one reading at a time, and exactly one answer, also when it is closed meanwhile. */
export class OneReading {
  closed = false;
  private readonly name: string;
  private done: Done | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Begins a reading; the answer drops what is said too late or twice. */
  begin(done: Done): Done {
    if (this.done !== undefined) throw new Error(`${this.name} is being read already`);
    this.done = done;
    return (reading) => {
      if (this.done !== done) return;
      this.done = undefined;
      done(reading);
    };
  }

  close(): void {
    this.closed = true;
    const { done } = this;
    this.done = undefined;
    done?.({ kind: 'failed', reason: `${this.name} was closed` });
  }
}
