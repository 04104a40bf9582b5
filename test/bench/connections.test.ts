import { ARM_NAMES, missingProgram } from '../../bench/connection-arms.js';
import { benchConnections, describeRow, SMALL } from '../../bench/connections.js';
import { serialKernelTest } from '../support/prerequisites.js';

serialKernelTest(
  'every arm opens connections without an error, with fresh ports and with reused ones',
  async (t) => {
    const absent = ARM_NAMES.filter((arm) => missingProgram(arm) !== undefined);
    if (process.env.CI === 'true') t.deepEqual(absent, []);
    if (absent.length > 0)
      t.log(`left out: ${absent.map((arm) => `${arm} (no ${missingProgram(arm)})`).join(', ')}`);
    const arms = ARM_NAMES.filter((arm) => !absent.includes(arm));

    const { rows, figures } = await benchConnections({ ...SMALL, arms, say: (line) => t.log(line) });

    t.deepEqual(
      rows.map((row) => [row.ports, row.concurrency]),
      [
        ['fresh', 64],
        ['fresh', 1],
        ['reuse', 64],
      ],
    );
    for (const row of rows) {
      t.deepEqual(
        row.arms.map(({ arm }) => arm),
        arms,
      );
      for (const { arm, runs } of row.arms) {
        const [run] = runs;
        const what = `${arm} ${row.ports} ${row.concurrency}`;
        t.deepEqual(run!.errors, {}, what);
        t.is(run!.completed, run!.started, what);
        t.true(run!.perSecond > 0 && run!.connect.p50 > 0 && run!.connect.p99 >= run!.connect.p50, what);
        t.true(describeRow(row).includes(arm));
      }
    }
    t.is(figures.filter((figure) => figure.bound === 'at least').length, 6);
  },
);
