import type { Fleet } from '../fleet/fleet.js';
import type { TimedFault } from '../plan/plan.js';
import { applyFault } from './apply.js';

/** Lets the faults of the plan happen at their times, each taken back when its time is over. */
export function scheduleFaults(fleet: Fleet, faults: readonly TimedFault[]): void {
  const lane = fleet.engine.lane('faults');
  for (const [index, { atMs, durationMs, fault }] of faults.entries()) {
    lane.after(atMs, () => {
      fleet.journal.write({ kind: 'fault', index, phase: 'begins' });
      const undo = applyFault(fleet, fault);
      const end = (): void => {
        undo();
        fleet.journal.write({ kind: 'fault', index, phase: 'ends' });
      };
      if (durationMs > 0) lane.after(durationMs, end);
      else end();
    });
  }
}
