import test from 'ava';
import type { Plan } from '../../../src/sim/plan/plan.js';
import { MESH_MUTANTS, SEEDS } from './mesh-mutants.js';
import type { MutantPlan } from './mutants.js';
import { runInChild } from './run-in-child.js';

function plansOf(plan: MutantPlan): Plan[] {
  return SEEDS.map((seed) => ({ ...plan, seed, scenario: 'mutant' }));
}

for (const { invariant, bug, patches, plan } of MESH_MUTANTS) {
  test(`${invariant} notices: ${bug}`, async (t) => {
    const { caught } = await runInChild(patches, { plans: plansOf(plan), invariants: [invariant] });
    t.truthy(caught, `the mutant survived seeds ${SEEDS.join(', ')}`);
    if (caught === undefined) return;
    t.log(`seed ${SEEDS[caught.plan]}, ${caught.events} events: ${caught.what}`);
  });
}

test('without a bug these plans break no promise', async (t) => {
  const distinct = [...new Map(MESH_MUTANTS.map(({ plan }) => [JSON.stringify(plan), plan])).values()];
  const plans = distinct.map((plan) => plansOf(plan)[0]!);
  const { caught } = await runInChild([], { plans, invariants: [] });
  t.is(
    caught,
    undefined,
    caught && `${JSON.stringify(plans[caught.plan])}: ${caught.invariant}: ${caught.what}`,
  );
});
