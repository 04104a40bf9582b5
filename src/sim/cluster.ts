import type { Happening } from './engine/journal.js';
import type { Invariant, Violation } from './invariants/invariant.js';
import type { Plan } from './plan/plan.js';

export type { Happening } from './engine/journal.js';
export type { Plan, TimedFault } from './plan/plan.js';
export { type PlanRequest, planOf, SCENARIOS, type ScenarioName } from './plan/scenarios.js';

export interface RunOptions {
  readonly invariants: readonly Invariant[];
  /** Hears of everything that happens. */
  readonly follow?: (happening: Happening, atMs: number) => void;
  /** Called now and then with the virtual time reached and the events so far. */
  readonly onProgress?: (atMs: number, events: number) => void;
  /** Called after each event, when all actors are quiet. */
  readonly afterEvent?: (position: RunPosition) => void;
  /** Ends the run at the first violation. */
  readonly stopAtViolation?: boolean;
  /** Ends the run soon after it is aborted; the result is of what ran until then. */
  readonly signal?: AbortSignal;
}

/** How far a run is. */
export interface RunPosition {
  readonly events: number;
  /** Virtual time. */
  readonly nowMs: number;
  readonly hash: { digest(): string };
}

export interface RunResult {
  readonly plan: Plan;
  /** Virtual milliseconds. */
  readonly simulatedMs: number;
  readonly events: number;
  /** Messages between actors. */
  readonly messages: number;
  /** 16 hexadecimal digits over everything that happened, in order. */
  readonly hash: string;
  readonly violations: readonly Violation[];
  /** How often rare branches were reached, by name. */
  readonly sometimes: ReadonlyMap<string, number>;
}

/** Runs a plan from its beginning to its end. The same plan gives the same result in any process. */
export function runPlan(_plan: Plan, _options: RunOptions): Promise<RunResult> {
  throw new Error('runs are not built yet');
}
