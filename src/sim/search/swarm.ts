import type { Plan } from '../plan/plan.js';
import { type PlanRequest, planOf, type ScenarioName } from '../plan/scenarios.js';
import type { RunOutcome, RunTask } from './run-task.js';

/** One seed of a swarm, run. */
export interface SwarmRun {
  readonly plan: Plan;
  readonly outcome: RunOutcome;
}

/**
 * What a swarm asks of a seed: fleets of different sizes, every third of them with so many backends that most VIPs
 * have more than the ten up to which balancers look at each.
 */
export function swarmRequest(
  scenario: ScenarioName,
  seed: number,
  sizes: { readonly nodes?: number | undefined; readonly durationMs?: number | undefined } = {},
): PlanRequest {
  const { nodes = scenario === 'mesh-churn' ? 9 + (seed % 12) : 3 + (seed % 5), durationMs } = sizes;
  return {
    scenario,
    seed,
    nodes,
    durationMs,
    backends: seed % 3 === 0 && scenario !== 'mesh-churn' ? nodes * 12 : undefined,
  };
}

/** Runs of one scenario, added up. */
export interface SwarmRow {
  readonly scenario: string;
  readonly seeds: number;
  readonly failedSeeds: number;
  readonly violations: number;
  readonly events: number;
  readonly simulatedMs: number;
  /** Of the processes, added up. */
  readonly wallMs: number;
}

export interface SwarmOptions {
  readonly run: (task: RunTask) => Promise<RunOutcome>;
  /** Called when a run ended, in whichever order they do. */
  readonly onDone?: (run: SwarmRun) => void;
  /** Runs that have not begun when it is aborted are left out. */
  readonly signal?: AbortSignal;
}

/**
 * Runs many plans, which `run` may do in parallel. The answer is in the order of the requests, and the same
 * however many ran at a time.
 */
export async function runSwarm(
  requests: readonly PlanRequest[],
  parallel: number,
  { run, onDone, signal }: SwarmOptions,
): Promise<readonly SwarmRun[]> {
  const done = new Map<number, SwarmRun>();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < requests.length && signal?.aborted !== true) {
      const at = next;
      next += 1;
      const plan = planOf(requests[at]!);
      const ran = { plan, outcome: await run({ plan }) };
      done.set(at, ran);
      onDone?.(ran);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return requests.flatMap((_, at) => done.get(at) ?? []);
}

/** A row for each scenario, in the order in which they first come. */
export function rowsOf(runs: readonly SwarmRun[]): readonly SwarmRow[] {
  const scenarios = [...new Set(runs.map(({ plan }) => plan.scenario))];
  return scenarios.map((scenario) => {
    const own = runs.filter(({ plan }) => plan.scenario === scenario);
    const sum = (of: (outcome: RunOutcome) => number): number =>
      own.reduce((total, { outcome }) => total + of(outcome), 0);
    return {
      scenario,
      seeds: own.length,
      failedSeeds: own.filter(({ outcome }) => outcome.violations.length > 0).length,
      violations: sum(({ violations }) => violations.length),
      events: sum(({ events }) => events),
      simulatedMs: sum(({ simulatedMs }) => simulatedMs),
      wallMs: sum(({ wallMs }) => wallMs),
    };
  });
}

/** How often each rare branch was reached over all runs, and in how many of them, by name; `names` may be at 0. */
export function sometimesOf(
  runs: readonly SwarmRun[],
  names: readonly string[],
): readonly { readonly name: string; readonly times: number; readonly seeds: number }[] {
  const totals = new Map(names.map((name) => [name, { times: 0, seeds: 0 }]));
  for (const { outcome } of runs) {
    for (const [name, times] of outcome.sometimes) {
      const total = totals.get(name) ?? { times: 0, seeds: 0 };
      totals.set(name, { times: total.times + times, seeds: total.seeds + (times > 0 ? 1 : 0) });
    }
  }
  return [...totals].map(([name, total]) => ({ name, ...total })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
