import { serveTasks } from '../workers.js';
import { repairMostMs } from './figures.js';
import { measure } from './measures.js';
import type { WorldName } from './options.js';
import { realTrial } from './real-world.js';
import type { Trial } from './setup.js';
import { simTrial } from './sim-world.js';
import type { TrialResult } from './trial-result.js';

export interface TrialTask {
  readonly world: WorldName;
  readonly trial: Trial;
}

const WORLDS = { sim: simTrial, real: realTrial } as const;

/** A process of its own: one trial after the other. */
serveTasks<TrialTask, TrialResult>(async ({ world, trial }) => {
  const record = await WORLDS[world](trial);
  return { trial, ...measure(record, trial.setup.durationMs, repairMostMs(world)) };
});
