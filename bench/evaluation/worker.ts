import { serveTasks } from '../workers.js';
import { measure } from './measures.js';
import type { Trial } from './setup.js';
import { simTrial } from './sim-world.js';
import type { TrialResult } from './trial-result.js';

/** A process of its own: one trial after the other in the simulator. */
serveTasks<Trial, TrialResult>(async (trial) => {
  const record = await simTrial(trial);
  return { trial, ...measure(record, trial.setup.durationMs) };
});
