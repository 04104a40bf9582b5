import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { planOf } from '../../../src/sim/plan/scenarios.js';
import { RUN_ENDS } from '../../../src/sim/search/run-task.js';
import { WorkerPool } from '../../../src/sim/search/worker-pool.js';
import { ODD_SEEDS } from '../../support/made-up-run.js';

const PROGRAM = new URL('../../support/made-up-worker.js', import.meta.url);
const plan = (seed: number) => planOf({ scenario: 'kill-one', seed, nodes: 3, durationMs: 10_000 });

test.serial('runs are done in as many processes as there are workers', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-pool-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const log = join(directory, 'pids');
  process.env.MADE_UP_LOG = log;
  const pool = new WorkerPool(2, PROGRAM);
  const fresh = new WorkerPool(2, PROGRAM, 1);
  t.teardown(() => {
    delete process.env.MADE_UP_LOG;
    pool.close();
    fresh.close();
  });
  const seeds = [1, 3, 5, 7, 9, 11];
  const hashes = await Promise.all(seeds.map(async (seed) => (await pool.run({ plan: plan(seed) })).hash));
  const processes = (): number => new Set(readFileSync(log, 'utf8').trim().split('\n')).size;
  t.is(processes(), 2);
  t.is(new Set(hashes).size, seeds.length);
  const again = await Promise.all(seeds.map(async (seed) => (await fresh.run({ plan: plan(seed) })).hash));
  t.is(processes(), 2 + seeds.length);
  t.deepEqual(again, hashes);
});

test('a run that throws, and one whose process dies, are violations; the next ones run', async (t) => {
  const pool = new WorkerPool(1, PROGRAM);
  t.teardown(() => pool.close());
  const [thrown, died, fine] = await Promise.all(
    [ODD_SEEDS.throws, ODD_SEEDS.dies, 1].map((seed) => pool.run({ plan: plan(seed) })),
  );
  t.deepEqual(
    thrown?.violations.map(({ invariant }) => invariant),
    [RUN_ENDS],
  );
  t.regex(thrown?.violations[0]?.what ?? '', /the 50th connection/);
  t.is(died?.violations[0]?.what, 'its process ended with status 3');
  t.deepEqual(fine?.violations, []);
});

test('closing ends what is under way', async (t) => {
  const pool = new WorkerPool(1, PROGRAM);
  const run = pool.run({ plan: { ...plan(1), durationMs: 1e9, connectionsPerSecond: 1e4 } });
  setTimeout(() => pool.close(), 300);
  t.is((await run).violations[0]?.what, 'its process ended with SIGKILL');
});
