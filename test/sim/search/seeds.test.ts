import test from 'ava';
import { RARE_BRANCHES, SCENARIOS, type ScenarioName } from '../../../src/sim/cluster.js';
import { replayArguments } from '../../../src/sim/report/command.js';
import { runSwarm, type SwarmRun, sometimesOf, swarmRequest } from '../../../src/sim/search/swarm.js';
import { WorkerPool } from '../../../src/sim/search/worker-pool.js';

const WORKERS = 2;
const DURATION_MS = 40_000;
/** Whatever may go wrong together finds the most. */
const SEEDS = (scenario: ScenarioName): number => (scenario === 'everything' ? 24 : 6);

/** Branches that these seeds need not reach, each with what else shows that it is there. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'a backend tried again after its back-off':
    'of 30 s, in runs of 40; the mutants of recovered-serves have longer ones',
  'a circuit half open after its back-off': 'the same; the mutants of circuits-keep-count have longer ones',
  'a probabilistic pick with 20 looks':
    'nearly all of a large VIP must be gone; the mutant of pick-looks sees to it',
  'a short split was over': 'few partitions are that short; the mutant of short-split-mends makes one',
  'a supervisor gave up':
    'one actor must crash six times in ten seconds; the mutants of restart-budget let it',
  'others exchanged entries of the set one for one':
    'an edit takes one out and puts two in: sizes agree only when a VIP is added within the same second',
};

const ran: SwarmRun[] = [];

for (const { name } of SCENARIOS) {
  test.serial(`${name}: no promise is broken with seeds 1 to ${SEEDS(name)}`, async (t) => {
    t.timeout(600_000);
    const pool = new WorkerPool(WORKERS);
    t.teardown(() => pool.close());
    const seeds = Array.from({ length: SEEDS(name) }, (_, at) => at + 1);
    const requests = seeds.map((seed) => swarmRequest(name, seed, { durationMs: DURATION_MS }));
    const runs = await runSwarm(requests, WORKERS, { run: (task) => pool.run(task) });
    t.is(runs.length, seeds.length);
    ran.push(...runs);
    const failing = runs.flatMap(({ plan, outcome: { violations } }) => {
      const [first] = violations;
      if (first === undefined) return [];
      return `minuteman ${replayArguments(plan, '')}: ${first.invariant} on ${first.host ?? 'all'} at ${first.atMs} ms: ${first.what}`;
    });
    t.deepEqual(failing, []);
  });
}

test.serial('every rare branch is reached by one of these seeds at least', (t) => {
  const wanted = SCENARIOS.reduce((sum, { name }) => sum + SEEDS(name), 0);
  t.is(ran.length, wanted, 'this test says nothing without the others of this file');
  const reached = sometimesOf(ran, RARE_BRANCHES);
  for (const { name, times, seeds } of reached) t.log(`${times} times in ${seeds} seeds: ${name}`);
  t.deepEqual(
    reached.filter(({ name, times }) => times === 0 && !(name in EXCEPTIONS)).map(({ name }) => name),
    [],
    'never reached',
  );
  t.deepEqual(
    Object.keys(EXCEPTIONS).filter((name) => !RARE_BRANCHES.includes(name)),
    [],
    'excepted, and there is no such branch',
  );
});
