import type { Source, SourceReading } from '../ports/sources.js';
import { decodeReading } from './encoded-reading.js';
import type { MesosSpec } from './mesos-reader.js';
import { OneAnswer } from './one-answer.js';
import type { ReaderThread } from './reader-thread.js';

/**
 * VIPs of a Mesos cluster, from its leading master, or those of what runs on one agent. There is nothing to watch; polling
 * is the only way.
 */
export class MesosSource implements Source {
  readonly name: string;
  readonly #spec: MesosSpec;
  readonly #thread: ReaderThread;
  readonly #reader: number;
  readonly #answer: OneAnswer;

  constructor(spec: MesosSpec, thread: ReaderThread) {
    this.name = `${spec.type}:${spec.url}`;
    this.#spec = spec;
    this.#thread = thread;
    this.#answer = new OneAnswer(this.name);
    // The reader of a master remembers which agents a fail-over left behind.
    this.#reader = thread.open(spec.type === 'mesos-master');
  }

  read(token: string | undefined, done: (reading: SourceReading) => void): void {
    const answer = this.#answer.expect(done);
    this.#thread.read(this.#reader, this.#spec, token, ({ reading }) => decodeReading(reading, answer));
  }

  watch(): void {}

  close(): void {
    if (this.#answer.closed) return;
    this.#answer.close();
    this.#thread.close(this.#reader);
  }
}
