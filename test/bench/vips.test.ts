import test from 'ava';
import { mesosState } from '../../bench/mesos-state.js';
import { manyVips } from '../../bench/propagation.js';
import { benchVips, SMALL } from '../../bench/vips.js';
import { serialKernelTest } from '../support/prerequisites.js';

test('many VIPs are as many as asked, each with its backends', (t) => {
  const vips = manyVips(10, 1000, 3);
  t.is(Object.keys(vips).length, 1000);
  for (const backends of Object.values(vips)) t.is(new Set(backends).size, 3);
});

test('a made-up Mesos state is as long as asked, and the next turn differs in a port', (t) => {
  const [one, two] = [0, 1].map((turn) => mesosState({ bytes: 100_000, tasksPerVip: 10 }, turn));
  t.true(one!.length >= 100_000 && one!.length < 120_000);
  t.not(one, two);
  t.deepEqual(Object.keys(JSON.parse(one!)), Object.keys(JSON.parse(two!)));
});

serialKernelTest(
  'VIPs reach the kernel, a polled master costs no connection, and the daemon rests',
  async (t) => {
    const result = await benchVips({ ...SMALL, say: (line) => t.log(line) });

    t.deepEqual(
      result.propagation.map(({ vips }) => vips),
      [SMALL.vips, SMALL.vips, SMALL.vips + 1, 1],
    );
    for (const pair of result.polling) {
      t.is(pair.errors, 0);
      t.true(pair.polls > 0);
    }
    for (const idle of [result.idle, result.idleWithVips]) {
      t.true(idle.rssMegabytes > 0 && idle.cpuPercent >= 0);
    }
    t.is(result.figures.length, 8);
  },
);
