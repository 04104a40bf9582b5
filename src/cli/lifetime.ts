import { EXIT_FAILURE } from './failure.js';
import type { ProcessLog } from './log.js';

const STOP_DEADLINE_MS = 10_000;

/** The process as the daemon sees it; node's `process` is one. */
export interface Signals {
  on(event: string, handle: (value: unknown) => void): unknown;
  exit(code: number): void;
}

/**
 * The end of the daemon, however it comes. SIGTERM and SIGINT stop it in order, within 10 s; a second
 * signal ends it at once. What nobody caught, and a supervision that gave up, end it with status 1, so that
 * the service manager starts it anew: the kernel is then left as it is, for the next one to take over.
 * The last lines of the log say why, so a reader that is behind gets a moment to take them.
 */
export class Lifetime {
  readonly #log: ProcessLog;
  readonly #process: Signals;
  #stop: () => Promise<void> = async () => {};
  #ending = false;
  #exiting = false;

  constructor(log: ProcessLog, signals: Signals = process as unknown as Signals) {
    this.#log = log;
    this.#process = signals;
    for (const signal of ['SIGTERM', 'SIGINT']) signals.on(signal, () => this.#onSignal(signal));
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      signals.on(event, (cause) => this.fail('uncaught', cause));
    }
  }

  /** Whether the end has begun, so that what is still starting may leave off. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Replaces what an orderly stop does. */
  onStop(stop: () => Promise<void>): void {
    this.#stop = stop;
  }

  /** Ends the process with status 1. */
  fail(reason: string, cause: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#exiting) return;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#log.event('error', 'stopped', error.message, { reason, ...fields, stack: error.stack });
    this.#exit(EXIT_FAILURE);
  }

  #exit(code: number): void {
    this.#exiting = true;
    this.#log.flush(() => this.#process.exit(code));
  }

  #onSignal(signal: string): void {
    if (this.#exiting) return;
    if (this.#ending) {
      this.#log.event('warn', 'stopped', `a second signal, ${signal}: not waiting any longer`, {
        reason: signal,
      });
      this.#exit(EXIT_FAILURE);
      return;
    }
    this.#ending = true;
    this.#log.event('info', 'stopping', `got ${signal}`, { reason: signal });
    const deadline = setTimeout(
      () => this.fail('deadline', new Error(`the orderly stop took more than ${STOP_DEADLINE_MS / 1000} s`)),
      STOP_DEADLINE_MS,
    );
    this.#stop().then(
      () => {
        clearTimeout(deadline);
        this.#log.event('info', 'stopped', 'stopped in order', { reason: signal });
        this.#exit(0);
      },
      (error: unknown) => this.fail('stop-failed', error),
    );
  }
}
