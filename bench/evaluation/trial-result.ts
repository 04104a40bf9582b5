import type { Measures, Samples } from './measures.js';
import type { Trial } from './setup.js';

/** What came of a trial. Plain data. */
export interface TrialResult {
  readonly trial: Trial;
  readonly measures: Measures;
  readonly samples: Samples;
}
