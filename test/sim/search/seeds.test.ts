import test from 'ava';
import { SCENARIOS, type ScenarioName } from '../../../src/sim/cluster.js';
import { replayArguments } from '../../../src/sim/report/command.js';
import { runSwarm, swarmRequest } from '../../../src/sim/search/swarm.js';
import { WorkerPool } from '../../../src/sim/search/worker-pool.js';

const WORKERS = 2;
const DURATION_MS = 40_000;
/** Whatever may go wrong together finds the most. */
const SEEDS = (scenario: ScenarioName): number => (scenario === 'everything' ? 24 : 6);

for (const { name } of SCENARIOS) {
  test.serial(`${name}: no promise is broken with seeds 1 to ${SEEDS(name)}`, async (t) => {
    t.timeout(600_000);
    const pool = new WorkerPool(WORKERS);
    t.teardown(() => pool.close());
    const seeds = Array.from({ length: SEEDS(name) }, (_, at) => at + 1);
    const requests = seeds.map((seed) => swarmRequest(name, seed, { durationMs: DURATION_MS }));
    const runs = await runSwarm(requests, WORKERS, { run: (task) => pool.run(task) });
    t.is(runs.length, seeds.length);
    const failing = runs.flatMap(({ plan, outcome: { violations } }) => {
      const [first] = violations;
      if (first === undefined) return [];
      return `minuteman ${replayArguments(plan, '')}: ${first.invariant} on ${first.host ?? 'all'} at ${first.atMs} ms: ${first.what}`;
    });
    t.deepEqual(failing, []);
  });
}
