import test from 'ava';
import { planOf } from '../../../src/sim/plan/scenarios.js';
import { compareRuns, describeComparison, firstDifference } from '../../../src/sim/search/compare.js';
import { WorkerPool } from '../../../src/sim/search/worker-pool.js';
import { ODD_SEEDS } from '../../support/made-up-run.js';

const PROGRAM = new URL('../../support/made-up-worker.js', import.meta.url);

test('where two runs part is found, however far into them', async (t) => {
  const pool = new WorkerPool(2, PROGRAM, 1);
  t.teardown(() => pool.close());
  const plan = planOf({
    scenario: 'steady',
    seed: ODD_SEEDS.differs,
    nodes: 4,
    durationMs: 10_000,
    connectionsPerSecond: 400,
  });
  const comparison = await compareRuns(plan, (task) => pool.run(task));
  t.false(comparison.same);
  const lines = describeComparison(comparison);
  t.regex(
    lines[0] ?? '',
    /^the runs differ: hashes [0-9a-f]{16} and [0-9a-f]{16}; they agree up to event \d000$/,
  );
  t.regex(lines.find((line) => line.startsWith('  left:')) ?? '', /"atMs":3333,"kind":"log".*"process \d+"/);
  t.regex(lines.find((line) => line.startsWith('  right:')) ?? '', /"atMs":3333,"kind":"log".*"process \d+"/);
  t.is(lines.filter((line) => line.startsWith('  both:')).length, 5);
});

test('the same run twice is the same', async (t) => {
  const pool = new WorkerPool(2, PROGRAM, 1);
  t.teardown(() => pool.close());
  const plan = planOf({ scenario: 'everything', seed: 1, nodes: 4, durationMs: 10_000 });
  const comparison = await compareRuns(plan, (task) => pool.run(task));
  t.true(comparison.same);
  t.regex(describeComparison(comparison)[0] ?? '', /^both runs have the hash [0-9a-f]{16}$/);
});

test('runs that both throw are not the same', async (t) => {
  const pool = new WorkerPool(2, PROGRAM, 1);
  t.teardown(() => pool.close());
  const plan = planOf({ scenario: 'steady', seed: ODD_SEEDS.throws, nodes: 4, durationMs: 10_000 });
  t.false((await compareRuns(plan, (task) => pool.run(task))).same);
});

test('one run may end before the other', (t) => {
  t.deepEqual(firstDifference(['a', 'b'], ['a', 'b', 'c']), { before: ['a', 'b'], left: [], right: ['c'] });
  t.is(firstDifference(['a'], ['a']), undefined);
});
