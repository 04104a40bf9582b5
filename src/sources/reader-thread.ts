import { Worker } from 'node:worker_threads';
import type { ReaderAnswer, ReaderRequest, ReaderSpec } from './reader-messages.js';

/** A worker that has had nothing to do for so long is ended, unless a reader in it must remember. */
const IDLE_MS = 10_000;

/**
 * Heap of the worker. Parsing takes about eight times the document; what goes beyond ends the worker with
 * a failed reading, not the daemon.
 */
const HEAP_MB = 768;

type Done = (answer: Omit<ReaderAnswer, 'id'>) => void;

interface Waiting {
  readonly worker: Worker;
  readonly done: Done;
}

/**
 * The thread that all sources read in. It is started when something is to be read, and started again after
 * a crash; a reading that it dies on is failed.
 */
export class ReaderThread {
  readonly #heapMb: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #resident = new Set<number>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #readers = 0;
  #requests = 0;

  constructor(heapMb = HEAP_MB) {
    this.#heapMb = heapMb;
  }

  /** A name for a reader in the worker. A `resident` one remembers more than its VIPs: the worker is kept for it. */
  open(resident: boolean): number {
    const reader = ++this.#readers;
    if (resident) this.#resident.add(reader);
    return reader;
  }

  read(reader: number, spec: ReaderSpec, token: string | undefined, done: Done): void {
    const id = ++this.#requests;
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    this.#waiting.set(id, { worker: this.#worker, done });
    this.#worker.ref();
    const request: ReaderRequest = { kind: 'read', id, reader, spec, token };
    this.#worker.postMessage(request);
  }

  close(reader: number): void {
    this.#resident.delete(reader);
    const request: ReaderRequest = { kind: 'forget', reader };
    this.#worker?.postMessage(request);
    this.#rest();
  }

  /** Ends the worker now; the next reading starts another one. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./reader-worker.js', import.meta.url), {
      name: 'source-reader',
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMb },
    });
    let why = 'it was stopped';
    worker.on('message', ({ id, ...answer }: ReaderAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      this.#rest();
      waiting?.done(answer);
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      why =
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? `the document needs more than ${this.#heapMb} MB of heap`
          : error.message;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      const reason = `the reader thread ended (${why}); the next reading uses a fresh one`;
      for (const [id, waiting] of [...this.#waiting]) {
        if (waiting.worker !== worker) continue;
        this.#waiting.delete(id);
        waiting.done({ reading: { kind: 'failed', reason }, stamp: undefined });
      }
    });
    return worker;
  }

  /** With nothing to wait for, the worker must keep neither the process nor its memory. */
  #rest(): void {
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    clearTimeout(this.#idle);
    if (this.#resident.size > 0) return;
    this.#idle = setTimeout(() => void this.stop(), IDLE_MS).unref();
  }
}
