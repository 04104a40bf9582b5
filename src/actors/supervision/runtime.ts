import type { Log } from '../../ports/log.js';
import type { Clock, Timers } from '../../ports/time.js';
import type { Crash } from './crash.js';

/** Watches, and disturbs, the actors of a system: a simulator's fault injection. Absent in production. */
export interface ActorMonitor {
  /** A message was put into the mailbox of `path`. */
  sent?(path: string): void;
  /** The actor is about to handle `message`. What this throws is the actor's crash at that message, before any effect. */
  beforeMessage?(path: string, message: unknown): void;
  /** The actor handled `message`. What this throws is its crash after the effects; the new state is lost. */
  afterMessage?(path: string, message: unknown): void;
  /** Nothing is in flight any more: no message waits, no crash awaits a decision. Must not throw. */
  settled?(): void;
}

/** How many messages were dropped, and why. */
export interface Dropped {
  /** The mailbox was full. */
  readonly overflow: number;
  /** The actor was stopped for good. */
  readonly ended: number;
}

export interface RuntimeOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly monitor?: ActorMonitor;
}

/** What all actors of one system share: the world's ports and the counts. */
export class Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly monitor: ActorMonitor | undefined;
  readonly restarts = new Map<string, number>();
  readonly dropped = { overflow: 0, ended: 0 };
  /** Messages, crashes and requests that wait to be handled. */
  inFlight = 0;
  /** The system ended without a word; turns that were granted already do nothing. */
  abandoned = false;

  constructor(options: RuntimeOptions) {
    this.clock = options.clock;
    this.timers = options.timers;
    this.log = options.log;
    this.monitor = options.monitor;
  }

  /** `count` things that were in flight have been handled or dropped. */
  settle(count: number): void {
    if (count === 0 || this.abandoned) return;
    this.inFlight -= count;
    if (this.inFlight === 0) this.monitor?.settled?.();
  }

  countRestart(path: string): void {
    this.restarts.set(path, (this.restarts.get(path) ?? 0) + 1);
  }

  logCrash(level: 'warn' | 'error', event: string, message: string, crash: Crash, fields: object): void {
    const { error } = crash;
    this.log.event(level, event, message, { ...fields, error: error.message, stack: error.stack ?? '' });
  }
}
