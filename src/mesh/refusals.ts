import type { Log } from '../ports/log.js';
import type { Clock } from '../ports/time.js';

const QUIET_MS = 10_000;

/**
 * Tells the operator of connections that came to nothing: at once, and then at most once in ten seconds for each reason,
 * with the number of those not told of. Strangers must not be able to fill the disk.
 */
export class Refusals {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #told = new Map<string, { atMs: number; untold: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** `why` is one of few texts; `from` is an address, or an endpoint that was dialled. */
  tell(why: string, message: string, from: string): void {
    const nowMs = this.#clock.nowMs();
    const told = this.#told.get(why);
    if (told !== undefined && nowMs - told.atMs < QUIET_MS) {
      told.untold += 1;
      return;
    }
    this.#told.set(why, { atMs: nowMs, untold: 0 });
    const more = told?.untold ?? 0;
    this.#log.event('warn', 'mesh-peer-refused', message, { why, from, alsoSinceLast: more });
  }
}
