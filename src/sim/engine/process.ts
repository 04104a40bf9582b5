import type { Scheduled } from '../../core/event-queue.js';
import type { Timer, Timers } from '../../ports/time.js';
import type { Busy, Engine, Lane } from './engine.js';
import type { HostClock } from './host-clock.js';

/** Milliseconds of work for whatever reaches a process, when its CPU runs at full speed. */
const WORK_MS = 0.02;
/** A timer is so much late at least: rounding must not let it fire a moment early by the host's clock. */
const LATE_MS = 1e-5;

/**
 * A program that runs on a host. Everything that reaches it from outside (a packet, a timer, the end of a tool)
 * comes by `enter`, so it can be paused, slowed and killed like a process: a paused one finds everything when it
 * goes on, in order; a killed one never hears of anything again, and nothing of it is told that it ends.
 */
export class Process implements Timers {
  /** What must be quiet before time goes on, once there is something. */
  actors: Busy | undefined;
  private readonly engine: Engine;
  private readonly lane: Lane;
  private readonly clock: HostClock;
  private state: 'running' | 'paused' | 'ended' = 'running';
  private readonly backlog: (() => void)[] = [];
  private readonly endings: (() => void)[] = [];
  /** How many times slower than usual; 1 is so fast that it takes no time. */
  private slowness = 1;
  private busyUntilMs = 0;
  private draining = false;

  constructor(engine: Engine, lane: Lane, clock: HostClock) {
    this.engine = engine;
    this.lane = lane;
    this.clock = clock;
  }

  get ended(): boolean {
    return this.state === 'ended';
  }

  get paused(): boolean {
    return this.state === 'paused';
  }

  /** Something reaches the process; `run` is its own code. */
  enter(run: () => void): void {
    if (this.free) this.execute(run);
    else if (this.state !== 'ended') this.wait(run);
  }

  /** Timers of the process run by its host's clock. */
  start(delayMs: number, fire: () => void): Timer {
    const afterMs = (Math.max(0, delayMs) + LATE_MS) / this.clock.rate;
    const timer = new ProcessTimer(this.lane.after(afterMs, () => this.ring(timer, fire)));
    return timer;
  }

  pause(): void {
    if (this.state === 'running') this.state = 'paused';
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    if (this.backlog.length > 0) this.drainLater();
  }

  /** Everything it does takes `factor` times as long from now on; 1 is full speed. */
  slow(factor: number): void {
    this.slowness = factor;
  }

  /** Called once when the process ends: what its kernel cleans up after it. */
  onEnd(clean: () => void): void {
    this.endings.push(clean);
  }

  end(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.backlog.length = 0;
    for (const clean of this.endings.splice(0)) clean();
  }

  /** Whether it would run at once what reaches it now. */
  private get free(): boolean {
    return this.state === 'running' && !this.draining && this.engine.nowMs >= this.busyUntilMs;
  }

  private ring(timer: ProcessTimer, fire: () => void): void {
    if (this.free) this.execute(fire);
    // What waits may be cancelled yet.
    else if (this.state !== 'ended')
      this.wait(() => {
        if (!timer.cancelled) fire();
      });
  }

  private wait(run: () => void): void {
    this.backlog.push(run);
    if (this.state === 'running') this.drainLater();
  }

  private execute(run: () => void): void {
    if (this.slowness > 1) this.busyUntilMs = this.engine.nowMs + WORK_MS * this.slowness;
    if (this.actors !== undefined) this.engine.touch(this.actors);
    run();
  }

  private drainLater(): void {
    if (this.draining) return;
    this.draining = true;
    this.lane.after(this.busyUntilMs - this.engine.nowMs, () => {
      this.draining = false;
      if (this.state !== 'running') return;
      const next = this.backlog.shift();
      if (next !== undefined) this.execute(next);
      if (this.backlog.length > 0) this.drainLater();
    });
  }
}

class ProcessTimer implements Timer {
  cancelled = false;
  private readonly event: Scheduled;

  constructor(event: Scheduled) {
    this.event = event;
  }

  cancel(): void {
    this.cancelled = true;
    this.event.cancel();
  }
}
