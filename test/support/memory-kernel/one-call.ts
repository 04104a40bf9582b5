import type { FirewallResult } from '../../../src/ports/firewall.js';
import type { Timers } from '../../../src/ports/time.js';

/** How long a tool takes. */
export const TOOL_MS = 20;

/** A port that takes one call at a time and answers later; a second call meanwhile is the caller's fault. */
export class OneCall {
  calls = 0;
  overlaps = 0;
  /** While set, calls fail with this message. */
  failing: string | undefined;
  readonly #timers: Timers;
  #busy = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  run<T>(act: () => FirewallResult<T>, done: (result: FirewallResult<T>) => void): void {
    this.calls += 1;
    if (this.#busy) this.overlaps += 1;
    this.#busy = true;
    this.#timers.start(TOOL_MS, () => {
      this.#busy = false;
      const { failing } = this;
      done(failing === undefined ? act() : { ok: false, code: 'EPERM', message: failing });
    });
  }
}
