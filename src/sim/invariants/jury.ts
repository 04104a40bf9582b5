import type { Fleet } from '../fleet/fleet.js';
import type { Invariant, Violation } from './invariant.js';

/** An invariant that is broken at every event need not be told each time. */
const TOLD_MOST = 20;

/** Lets invariants watch a run, and collects what they say. */
export class Jury {
  readonly violations: Violation[] = [];
  readonly sometimes = new Map<string, number>();
  private readonly endings: (() => void)[] = [];

  /** `onViolation` is called after each violation. */
  constructor(fleet: Fleet, invariants: readonly Invariant[], onViolation: () => void) {
    const { engine, journal } = fleet;
    for (const invariant of invariants) {
      let told = 0;
      const watch = invariant.watch(fleet, {
        broken: (what, host) => {
          told += 1;
          if (told > TOLD_MOST) return;
          this.violations.push({ invariant: invariant.name, atMs: engine.nowMs, host, what });
          journal.tell({ kind: 'violation', invariant: invariant.name, host, what });
          onViolation();
        },
        sometimes: (what) => {
          this.sometimes.set(what, (this.sometimes.get(what) ?? 0) + 1);
        },
      });
      if (watch.happened !== undefined) journal.follow(watch.happened, watch.hears);
      if (watch.settled !== undefined) engine.watch(watch.settled);
      if (watch.healed !== undefined) this.endings.push(watch.healed);
    }
  }

  /** The run is over: says what should be well again. */
  healed(): void {
    for (const healed of this.endings) healed();
  }
}
