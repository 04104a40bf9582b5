import test from 'ava';
import { Seed } from '../../../src/sim/engine/seed.js';
import { planOf, SCENARIOS } from '../../../src/sim/plan/scenarios.js';

test('streams of different purposes do not influence each other', (t) => {
  const seed = new Seed(3);
  const one = seed.stream('one');
  const before = [one.next(), one.next()];
  const other = seed.stream('other');
  for (let index = 0; index < 10; index += 1) other.next();
  const again = new Seed(3).stream('one');
  t.deepEqual([again.next(), again.next()], before);
  t.not(other.next(), one.next());
  t.not(new Seed(4).stream('one').next(), before[0]);
});

test('choosing some takes each at most once, and all when asked for more', (t) => {
  const stream = new Seed(1).stream('x');
  const items = ['a', 'b', 'c', 'd'];
  for (let round = 0; round < 50; round += 1) {
    const some = stream.some(items, 3);
    t.is(new Set(some).size, 3);
    t.deepEqual([...stream.some(items, 9)].sort(), items);
  }
  t.throws(() => stream.oneOf([]));
});

test('every scenario gives a plan that is plain data, the same for the same seed, whose faults heal in time', (t) => {
  for (const { name } of SCENARIOS) {
    const plans = Array.from({ length: 30 }, (_, seed) => planOf({ scenario: name, seed }));
    for (const [seed, plan] of plans.entries()) {
      t.deepEqual(planOf({ scenario: name, seed }), plan);
      t.deepEqual(JSON.parse(JSON.stringify(plan)), {
        ...plan,
        faults: JSON.parse(JSON.stringify(plan.faults)),
      });
      for (const { atMs, durationMs } of plan.faults)
        t.true(atMs > 0 && durationMs >= 0 && atMs + durationMs <= plan.healMs);
    }
    t.is(new Set(plans.map((plan) => JSON.stringify(plan))).size, 30);
  }
});
