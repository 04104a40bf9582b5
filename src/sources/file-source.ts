import { stat } from 'node:fs';
import type { Source, SourceReading } from '../ports/sources.js';
import { decodeReading } from './encoded-reading.js';
import { type FileSpec, whyUnreadable } from './file-reader.js';
import { type FileStamp, isSettled, stampOf } from './file-stamp.js';
import { FileWatch } from './file-watch.js';
import { OneAnswer } from './one-answer.js';
import type { ReaderThread } from './reader-thread.js';

/** A file that was written to so recently may be half-written still. */
const QUIET_MS = 50;
const MOST_WAITS = 20;

/** How the file stood when it was last read, and what came of it. */
interface LastReading {
  readonly stamp: FileStamp;
  readonly settled: boolean;
  readonly failed: string | undefined;
  readonly token: string | undefined;
}

/**
 * VIPs from a file. Polling an untouched file is one `stat` and does not wake the reader thread; a changed
 * one is read there, when nobody has written to it for 50 ms.
 */
export class FileSource implements Source {
  readonly name: string;
  readonly #spec: FileSpec;
  readonly #thread: ReaderThread;
  readonly #reader: number;
  readonly #answer: OneAnswer;
  #watch: FileWatch | undefined;
  #last: LastReading | undefined;

  constructor(spec: FileSpec, thread: ReaderThread) {
    this.name = `file:${spec.path}`;
    this.#spec = spec;
    this.#thread = thread;
    this.#answer = new OneAnswer(this.name);
    this.#reader = thread.open(false);
  }

  read(token: string | undefined, done: (reading: SourceReading) => void): void {
    this.#watch?.renew();
    this.#look(token, this.#answer.expect(done), MOST_WAITS);
  }

  watch(changed: () => void): void {
    this.#watch?.close();
    this.#watch = new FileWatch(this.#spec.path, changed);
  }

  close(): void {
    if (this.#answer.closed) return;
    this.#watch?.close();
    this.#answer.close();
    this.#thread.close(this.#reader);
  }

  #look(token: string | undefined, answer: (reading: SourceReading) => void, waits: number): void {
    stat(this.#spec.path, { bigint: true }, (error, found) => {
      if (this.#answer.closed) return;
      if (error !== null) {
        this.#last = undefined;
        answer({ kind: 'failed', reason: `${this.#spec.path}: ${whyUnreadable(error)}` });
        return;
      }
      const stamp = stampOf(found);
      const known = this.#known(stamp, token);
      const ageMs = Date.now() - stamp.touchedMs;
      if (known !== undefined) answer(known);
      // A negative age is a file from the future (a clock was set): it cannot be waited for.
      else if (ageMs < 0 || ageMs >= QUIET_MS) this.#read(token, answer);
      else if (waits > 0) setTimeout(() => this.#look(token, answer, waits - 1), QUIET_MS - ageMs + 1);
      else answer({ kind: 'failed', reason: `${this.#spec.path}: is being written to without a pause` });
    });
  }

  /** The answer for a file that stands as it was last read. */
  #known(stamp: FileStamp, token: string | undefined): SourceReading | undefined {
    const last = this.#last;
    if (last === undefined || !last.settled || last.stamp.id !== stamp.id) return undefined;
    if (last.failed !== undefined) return { kind: 'failed', reason: last.failed };
    if (token === undefined || token !== last.token) return undefined;
    return { kind: 'unchanged', token, warnings: [] };
  }

  #read(token: string | undefined, answer: (reading: SourceReading) => void): void {
    const askedAtMs = Date.now();
    this.#thread.read(this.#reader, this.#spec, token, ({ reading, stamp }) => {
      const failed = reading.kind === 'failed';
      this.#last =
        stamp === undefined
          ? undefined
          : {
              stamp,
              settled: isSettled(stamp, askedAtMs),
              failed: failed ? reading.reason : undefined,
              token: failed ? undefined : reading.token,
            };
      decodeReading(reading, answer);
    });
  }
}
