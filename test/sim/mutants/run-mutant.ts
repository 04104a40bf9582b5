import { readFileSync } from 'node:fs';
import { type Plan, runPlan } from '../../../src/sim/cluster.js';
import { ALL_INVARIANTS } from '../../../src/sim/invariants/all.js';

/** What a child process is told, as JSON on standard input. */
export interface MutantTask {
  readonly plans: readonly Plan[];
  /** Whoever is to notice; all, if empty. */
  readonly invariants: readonly string[];
}

/** What it answers, as JSON on standard output. */
export interface MutantAnswer {
  /** The first violation of all, and which plan's run it was in. */
  readonly caught:
    | { readonly plan: number; readonly events: number; readonly invariant: string; readonly what: string }
    | undefined;
  readonly runs: number;
}

const task: MutantTask = JSON.parse(readFileSync(0, 'utf8'));
const chosen = ALL_INVARIANTS.filter(
  ({ name }) => task.invariants.length === 0 || task.invariants.includes(name),
);
if (chosen.length < task.invariants.length)
  throw new Error(`no such invariant among ${task.invariants.join(', ')}`);

let caught: MutantAnswer['caught'];
let runs = 0;
for (const [index, plan] of task.plans.entries()) {
  const result = await runPlan(plan, { invariants: chosen, stopAtViolation: true });
  runs += 1;
  const [first] = result.violations;
  if (first === undefined) continue;
  caught = { plan: index, events: result.events, invariant: first.invariant, what: first.what };
  break;
}
const answer: MutantAnswer = { caught, runs };
process.stdout.write(JSON.stringify(answer));
