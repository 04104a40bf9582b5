import { EventQueue, type Scheduled } from '../../core/event-queue.js';
import type { Random } from '../../ports/random.js';
import { immediates } from './immediates.js';
import { RollingHash } from './rolling-hash.js';
import { Seed, type Stream } from './seed.js';

/** Whoever things happen to: a host, a link, the master. Only the order within one instant depends on it. */
export interface Lane {
  readonly name: string;
  /** Schedules `run` after a delay; a negative one counts as none. */
  after(delayMs: number, run: () => void): Scheduled;
}

/** Something that may hold messages which must be handled before time goes on: a node's actor system. */
export interface Busy {
  inFlight(): number;
}

/** Callbacks without an event, after which a node that is never quiet is taken for a live-lock. */
const RESTLESS_TURNS = 100_000;
/** Events and callbacks between two looks of the outside world (signals, progress). */
const STEPS_PER_TURN = 2_000;

/**
 * Virtual time: runs what is due in the order of the queue, and lets the actors, which run on nact and so on
 * immediates, handle every message before the next event happens.
 */
export class Engine {
  readonly seed: Seed;
  readonly hash = new RollingHash();
  /** Whether what happens is put into the hash. It takes a thirtieth of the time, which nobody needs to spend who compares no runs. */
  hashes = true;
  /** Virtual milliseconds since the start. */
  nowMs = 0;
  events = 0;
  private readonly queue = new EventQueue();
  private readonly busy: Busy[] = [];
  private readonly lanes = new Set<string>();
  /** Called after each event, when all is quiet. */
  private readonly watchers: (() => void)[] = [];
  /** Whether an event happened that the watchers have not seen. */
  private happened = false;
  private halted = false;

  constructor(seed: number) {
    this.seed = new Seed(seed);
  }

  stream(purpose: string): Stream {
    return this.seed.stream(purpose);
  }

  random(purpose: string): Random {
    return this.seed.stream(purpose);
  }

  /** Names are unique. */
  lane(name: string): Lane {
    if (this.lanes.has(name)) throw new Error(`there is a lane ${name} already`);
    this.lanes.add(name);
    const salt = this.seed.number(`lane ${name}`);
    let count = 0;
    return {
      name,
      after: (delayMs, run) => {
        count += 1;
        return this.queue.push(this.nowMs + Math.max(0, delayMs), scatter(salt, count), run);
      },
    };
  }

  /** `system` was handed something: time stands still until it is quiet. */
  touch(system: Busy): void {
    if (!this.busy.includes(system)) this.busy.push(system);
  }

  /** Calls `watch` after each event, when all actors are quiet. What it throws ends the run. */
  watch(watch: () => void): void {
    this.watchers.push(watch);
  }

  /** Ends the run under way after the event that happens now. */
  halt(): void {
    this.halted = true;
  }

  /** Runs until virtual time is `untilMs` and everything due by then has happened. */
  async run(untilMs: number): Promise<void> {
    immediates.hold();
    try {
      let restless = 0;
      for (let steps = 1; ; steps += 1) {
        if (steps % STEPS_PER_TURN === 0) await immediates.outside();
        if (!this.quiet()) {
          restless += 1;
          if (restless > RESTLESS_TURNS) {
            throw new Error(`at ${this.nowMs} ms the actors never come to rest`);
          }
          // What was sent before the run waits in the real loop.
          if (immediates.runNext()) await undefined;
          else await immediates.outside();
          continue;
        }
        if (this.happened) this.afterEvent();
        restless = 0;
        if (this.halted) {
          this.halted = false;
          return;
        }
        const due = this.queue.take(untilMs);
        if (due === undefined) {
          this.nowMs = untilMs;
          return;
        }
        this.nowMs = due.timeMs;
        this.events += 1;
        if (this.hashes) {
          this.hash.addNumber(due.timeMs);
          this.hash.addNumber(due.sequence);
        }
        this.happened = true;
        due.run();
      }
    } finally {
      immediates.release();
    }
  }

  private afterEvent(): void {
    this.happened = false;
    for (const watch of this.watchers) watch();
  }

  private quiet(): boolean {
    const { busy } = this;
    while (busy.length > 0) {
      if (busy[busy.length - 1]!.inFlight() > 0) return false;
      busy.pop();
    }
    return true;
  }
}

/** Spreads (salt, count) over 32 bits: the finaliser of MurmurHash3. */
function scatter(salt: number, count: number): number {
  let word = (salt + Math.imul(count, 0x9e3779b9)) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
