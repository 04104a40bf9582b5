import { setImmediate } from 'node:timers/promises';
import type { System } from '../../src/actors/supervision/system.js';

/** Turns of the event loop after which a system that still has work is taken to be in a loop. */
const TURNS_MOST = 100_000;

/** Waits until nothing is in flight in the system. Time does not pass meanwhile if the test holds the clock. */
export async function quiet(system: System): Promise<void> {
  for (let turn = 0; system.inFlight() > 0; turn += 1) {
    if (turn > TURNS_MOST)
      throw new Error(`still ${system.inFlight()} messages in flight after ${turn} turns`);
    await setImmediate();
  }
}
