import test from 'ava';
import { ALL_INVARIANTS } from '../../../src/sim/invariants/all.js';
import type { Plan } from '../../../src/sim/plan/plan.js';
import { MESH_MUTANTS } from './mesh-mutants.js';
import { MUTANTS, type MutantPlan, SEEDS } from './mutants.js';
import { runInChild } from './run-in-child.js';

function plansOf(plan: MutantPlan): Plan[] {
  return SEEDS.map((seed) => ({ ...plan, seed, scenario: 'mutant' }));
}

test('every invariant has a bug that it must catch', (t) => {
  const caught = new Set([...MUTANTS, ...MESH_MUTANTS].map(({ invariant }) => invariant));
  t.deepEqual(
    ALL_INVARIANTS.map(({ name }) => name).filter((name) => !caught.has(name)),
    [],
  );
});

for (const { invariant, bug, patches, plan } of MUTANTS) {
  test(`${invariant} notices: ${bug}`, async (t) => {
    const { caught } = await runInChild(patches, { plans: plansOf(plan), invariants: [invariant] });
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
    const { caught, runs } = await runInChild([], { plans, invariants: [] });
    t.is(
      caught,
      undefined,
      caught && `${JSON.stringify(plans[caught.plan])}: ${caught.invariant}: ${caught.what}`,
    );
    t.is(runs, plans.length);
  });
}
