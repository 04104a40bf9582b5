import type { Happening } from './engine/journal.js';
import { scheduleFaults } from './faults/timeline.js';
import { Fleet } from './fleet/fleet.js';
import type { Invariant, Violation } from './invariants/invariant.js';
import { Jury } from './invariants/jury.js';
import type { Plan } from './plan/plan.js';

export type { Happening } from './engine/journal.js';
export { ALL_INVARIANTS } from './invariants/all.js';
export type { Violation } from './invariants/invariant.js';
export { RARE_BRANCHES } from './invariants/rare-branches.js';
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

/** Virtual time between two looks at the outside world. */
const SLICE_MS = 250;

/** Runs a plan from its beginning to its end. The same plan gives the same result in any process. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  const fleet = new Fleet(plan);
  const { engine, journal } = fleet;
  const { follow, onProgress, afterEvent, signal, stopAtViolation = false } = options;
  if (follow !== undefined) journal.follow(follow);
  const jury = new Jury(fleet, options.invariants, () => stopAtViolation && engine.halt());
  if (afterEvent !== undefined) engine.watch(() => afterEvent(engine));
  const over = (): boolean => signal?.aborted === true || (stopAtViolation && jury.violations.length > 0);
  try {
    fleet.begin();
    scheduleFaults(fleet, plan.faults);
    while (engine.nowMs < plan.durationMs && !over()) {
      await engine.run(Math.min(plan.durationMs, engine.nowMs + SLICE_MS));
      onProgress?.(engine.nowMs, engine.events);
    }
    if (!over()) jury.healed();
    return {
      plan,
      simulatedMs: engine.nowMs,
      events: engine.events,
      messages: fleet.messages,
      hash: engine.hash.digest(),
      violations: jury.violations,
      sometimes: jury.sometimes,
    };
  } finally {
    fleet.end();
  }
}
