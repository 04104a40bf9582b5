import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ALL_INVARIANTS } from '../../../src/sim/invariants/all.js';
import type { Plan } from '../../../src/sim/plan/plan.js';
import { MUTANTS, type MutantPlan, SEEDS } from './mutants.js';
import type { MutantAnswer, MutantTask } from './run-mutant.js';

const CHILD = fileURLToPath(new URL('./run-mutant.js', import.meta.url));
/** Children at a time: as many as a small machine has cores. */
const AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs the plans in a process of its own, in which the code is patched. */
async function run(task: MutantTask): Promise<MutantAnswer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await new Promise((resolve, reject) => {
      const child = execFile(process.execPath, [CHILD], { timeout: 170_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else reject(new Error(`the run failed: ${stderr.slice(-2_000) || error.message}`));
      });
      child.stdin?.end(JSON.stringify(task));
    });
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

function plansOf(plan: MutantPlan): Plan[] {
  return SEEDS.map((seed) => ({ ...plan, seed, scenario: 'mutant' }));
}

test('every invariant has a bug that it must catch', (t) => {
  const caught = new Set(MUTANTS.map(({ invariant }) => invariant));
  t.deepEqual(
    ALL_INVARIANTS.map(({ name }) => name).filter((name) => !caught.has(name)),
    [],
  );
});

for (const { invariant, bug, patches, plan } of MUTANTS) {
  test(`${invariant} notices: ${bug}`, async (t) => {
    const { caught } = await run({ patches, plans: plansOf(plan), invariants: [invariant] });
    t.truthy(caught, `the mutant survived seeds ${SEEDS.join(', ')}`);
    if (caught === undefined) return;
    t.log(`seed ${SEEDS[caught.plan]}, ${caught.events} events: ${caught.what}`);
  });
}

/** Each plan once, though several mutants share it. */
const distinct = [...new Map(MUTANTS.map(({ plan }) => [JSON.stringify(plan), plan])).values()];

const PARTS = 4;

for (let part = 0; part < PARTS; part += 1) {
  test(`without a bug these plans break no promise, part ${part + 1}`, async (t) => {
    const plans = distinct.filter((_, index) => index % PARTS === part).map((plan) => plansOf(plan)[0]!);
    const { caught, runs } = await run({ patches: [], plans, invariants: [] });
    t.is(
      caught,
      undefined,
      caught && `${JSON.stringify(plans[caught.plan])}: ${caught.invariant}: ${caught.what}`,
    );
    t.is(runs, plans.length);
  });
}
