import test from 'ava';
import type { PlanRequest } from '../../../src/sim/plan/scenarios.js';
import { rowsOf, runSwarm, type SwarmRun, sometimesOf } from '../../../src/sim/search/swarm.js';
import { WorkerPool } from '../../../src/sim/search/worker-pool.js';

const PROGRAM = new URL('../../support/made-up-worker.js', import.meta.url);
const requests: readonly PlanRequest[] = (['steady', 'partition'] as const).flatMap((scenario) =>
  [1, 2, 3, 4].map((seed) => ({ scenario, seed, nodes: 3, durationMs: 8_000 })),
);

async function swarm(workers: number): Promise<readonly SwarmRun[]> {
  const pool = new WorkerPool(workers, PROGRAM);
  try {
    return await runSwarm(requests, workers, { run: (task) => pool.run(task) });
  } finally {
    pool.close();
  }
}

test('a seed gives the same however many workers there are', async (t) => {
  const said = (runs: readonly SwarmRun[]) =>
    runs.map(({ plan, outcome }) => [plan.scenario, plan.seed, outcome.hash, outcome.violations]);
  const one = said(await swarm(1));
  t.is(one.length, requests.length);
  t.deepEqual(said(await swarm(3)), one);
});

test('runs add up by scenario, and rare branches over all', async (t) => {
  const runs = await swarm(2);
  t.deepEqual(
    rowsOf(runs).map(({ scenario, seeds, failedSeeds, violations, simulatedMs }) => [
      scenario,
      seeds,
      failedSeeds,
      violations,
      simulatedMs,
    ]),
    [
      ['steady', 4, 2, 2, 32_000],
      ['partition', 4, 2, 2, 32_000],
    ],
  );
  t.deepEqual(sometimesOf(runs, ['never at all']), [
    { name: 'even seeds', times: 4, seeds: 4 },
    { name: 'never', times: 0, seeds: 0 },
    { name: 'never at all', times: 0, seeds: 0 },
  ]);
});

test('after an abort nothing more begins, and what ran is told', async (t) => {
  const pool = new WorkerPool(1, PROGRAM);
  t.teardown(() => pool.close());
  const abort = new AbortController();
  const runs = await runSwarm(requests, 1, {
    run: (task) => pool.run(task),
    onDone: () => abort.abort(),
    signal: abort.signal,
  });
  t.is(runs.length, 1);
});
