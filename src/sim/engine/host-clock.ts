import type { Clock } from '../../ports/time.js';
import type { Engine } from './engine.js';

/** The instant all simulations start at, in milliseconds since 1970. */
const EPOCH_MS = 1_700_000_000_000;

/**
 * The clocks of one host. The monotonic one runs at a rate of its own and never jumps; the wall clock may be
 * off, and may jump.
 */
export class HostClock implements Clock {
  private readonly engine: Engine;
  private readonly startMs: number;
  private rateNow = 1;
  private baseVirtualMs = 0;
  private baseMs: number;
  private wallOffsetMs = 0;

  /** `startMs` is what the monotonic clock shows at virtual time 0: hosts were booted at different times. */
  constructor(engine: Engine, startMs: number) {
    this.engine = engine;
    this.startMs = startMs;
    this.baseMs = startMs;
  }

  nowMs(): number {
    return this.baseMs + (this.engine.nowMs - this.baseVirtualMs) * this.rateNow;
  }

  wallMs(): number {
    return EPOCH_MS + this.nowMs() - this.startMs + this.wallOffsetMs;
  }

  /** Milliseconds of this host's clock in a millisecond of virtual time. */
  get rate(): number {
    return this.rateNow;
  }

  /** Lets the clock run at `rate` from now on; 1.0001 is 100 ppm fast. Timers that run already keep their instant. */
  drift(rate: number): void {
    this.baseMs = this.nowMs();
    this.baseVirtualMs = this.engine.nowMs;
    this.rateNow = rate;
  }

  /** Moves the wall clock, either way. */
  jump(byMs: number): void {
    this.wallOffsetMs += byMs;
  }
}
