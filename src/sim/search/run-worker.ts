import { ALL_INVARIANTS, runPlan } from '../cluster.js';
import { serveRuns } from './serve-runs.js';

serveRuns(({ plan, invariant }, options) => {
  const invariants = ALL_INVARIANTS.filter(({ name }) => invariant === undefined || name === invariant);
  return runPlan(plan, { ...options, invariants });
});
