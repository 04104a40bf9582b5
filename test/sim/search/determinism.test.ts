import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { planOf, SCENARIOS } from '../../../src/sim/cluster.js';
import { compareRuns, describeComparison } from '../../../src/sim/search/compare.js';
import { WorkerPool } from '../../../src/sim/search/worker-pool.js';

const BUILT = fileURLToPath(new URL('../../../src', import.meta.url));
const MODULES = fileURLToPath(new URL('../../../../../node_modules', import.meta.url));

for (const [index, { name }] of SCENARIOS.entries()) {
  const seed = index + 1;
  test.serial(`${name}: seed ${seed} is the same run in two fresh processes`, async (t) => {
    const pool = new WorkerPool(2, undefined, 1);
    t.teardown(() => pool.close());
    const plan = planOf({ scenario: name, seed, nodes: 4, durationMs: 30_000 });
    const comparison = await compareRuns(plan, (task) => pool.run(task));
    t.true(comparison.same, describeComparison(comparison).join('\n'));
  });
}

test.serial('another seed is another run', async (t) => {
  const pool = new WorkerPool(2);
  t.teardown(() => pool.close());
  const hashes = [1, 2].map(async (seed) => {
    const plan = planOf({ scenario: 'steady', seed, nodes: 4, durationMs: 10_000 });
    return (await pool.run({ plan })).hash;
  });
  t.is(new Set(await Promise.all(hashes)).size, 2);
});

test.serial(
  'a simulator that looks at its process is caught, and the first event that differs is told',
  async (t) => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'minuteman-differs-')));
    t.teardown(() => rmSync(directory, { recursive: true }));
    cpSync(BUILT, join(directory, 'src'), { recursive: true });
    symlinkSync(realpathSync(MODULES), join(directory, 'node_modules'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    const patched = join(directory, 'src/sim/engine/process.js');
    const text = readFileSync(patched, 'utf8');
    // From the sixth second on timers run late by what every process has another of.
    const late = 'delayMs += this.engine.nowMs > 6_000 ? globalThis.process.pid * 1e-6 : 0;';
    const changed = text.replace('start(delayMs, fire) {', (start) => `${start} ${late}`);
    t.true(changed !== text, 'there is no such line to patch any more');
    writeFileSync(patched, changed);
    const pool = new WorkerPool(2, pathToFileURL(join(directory, 'src/sim/search/run-worker.js')), 1);
    t.teardown(() => pool.close());
    const plan = planOf({ scenario: 'steady', seed: 1, nodes: 4, durationMs: 20_000 });
    const comparison = await compareRuns(plan, (task) => pool.run(task));
    t.false(comparison.same);
    if (comparison.same) return;
    const [left = '', right = ''] = [comparison.first?.left[0], comparison.first?.right[0]];
    t.not(left, right);
    const atMs = Number(
      /"atMs":([\d.]+)|at ([\d.]+) ms/
        .exec(left)
        ?.slice(1)
        .find((one) => one !== undefined),
    );
    t.true(atMs > 6_000 && atMs < 8_000, `${left}\n${right}`);
    t.true(comparison.agreeUntilEvent > 0);
  },
);
