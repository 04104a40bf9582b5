import test from 'ava';
import { Histogram } from '../../src/core/histogram.js';
import { LATENCY_BOUNDS_SECONDS, Telemetry } from '../../src/core/telemetry.js';

const rows: readonly { title: string; values: readonly number[]; counts: readonly number[]; sum: number }[] =
  [
    { title: 'nothing observed leaves all buckets empty', values: [], counts: [0, 0, 0], sum: 0 },
    { title: 'a value on a bound belongs to that bound', values: [1, 2], counts: [1, 1, 0], sum: 3 },
    {
      title: 'a value above the last bound has a bucket of its own',
      values: [2.5, 100],
      counts: [0, 0, 2],
      sum: 102.5,
    },
    { title: 'a negative value counts as zero', values: [-3], counts: [1, 0, 0], sum: 0 },
    { title: 'NaN is not counted', values: [Number.NaN], counts: [0, 0, 0], sum: 0 },
  ];

for (const row of rows) {
  test(`histogram: ${row.title}`, (t) => {
    const histogram = new Histogram([1, 2]);
    for (const value of row.values) histogram.observe(value);
    t.deepEqual([...histogram.counts], [...row.counts]);
    t.is(histogram.sum, row.sum);
    t.is(
      histogram.count,
      row.counts.reduce((a, b) => a + b, 0),
    );
  });
}

test('histogram: bounds that do not ascend are a programming error', (t) => {
  t.throws(() => new Histogram([1, 1]), { instanceOf: RangeError });
});

test('telemetry: durations go in as milliseconds and are kept in seconds', (t) => {
  const counters = new Telemetry();
  counters.handshakeAnswered(0.2);
  counters.decided(20_000);
  t.is(counters.handshakes.answered, 1);
  t.is(counters.handshakeSeconds.counts[LATENCY_BOUNDS_SECONDS.indexOf(0.00025)], 1);
  t.is(counters.decisionSeconds.counts[LATENCY_BOUNDS_SECONDS.length], 1);
  t.is(counters.decisionSeconds.sum, 20);
});

test('telemetry: batches count every packet', (t) => {
  const counters = new Telemetry();
  counters.verdict('mapped', 64);
  counters.verdict('refused');
  counters.created('made', 60);
  counters.redispatched(3);
  t.deepEqual(counters.verdicts, { mapped: 64, refused: 1, deferred: 0 });
  t.is(counters.creates.made, 60);
  t.is(counters.redispatches, 3);
});

test('telemetry: error codes beyond the bound are counted together', (t) => {
  const counters = new Telemetry();
  for (let i = 0; i < 100; i += 1) counters.createFailed(`E${i}`);
  counters.createFailed('E0');
  t.true(counters.createErrors.size <= 33);
  t.is(counters.createErrors.get('E0'), 2);
  t.is(counters.createErrors.get('other'), 68);
});
