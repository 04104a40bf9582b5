import { runPlan } from '../cluster.js';
import { serveRuns } from './serve-runs.js';

serveRuns(({ plan }, options) => runPlan(plan, { ...options, invariants: [] }));
