import test from 'ava';
import { Metrics } from '../../src/api/metrics.js';
import { TimeSlices } from '../../src/api/time-slice.js';
import { backend, FakeStatus } from './fake-status.js';

/** Reads Prometheus' text format as strictly as its grammar is; the key is the series with its labels. */
function parse(text: string): { types: Map<string, string>; samples: Map<string, number> } {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      if (types.has(type[1]!)) throw new Error(`a second TYPE line: ${line}`);
      types.set(type[1]!, type[2]!);
      continue;
    }
    if (/^# HELP \w+ \S/.test(line)) continue;
    const sample = /^([a-z_]+(?:\{\w+="(?:[^"\\\n]|\\.)*"(?:,\w+="(?:[^"\\\n]|\\.)*")*\})?) (\S+)$/.exec(
      line,
    );
    if (sample === null) throw new Error(`no sample: ${line}`);
    if (samples.has(sample[1]!)) throw new Error(`a series twice: ${line}`);
    samples.set(sample[1]!, Number(sample[2]));
  }
  return { types, samples };
}

async function scrape(status: FakeStatus) {
  return parse(await new Metrics(status, new TimeSlices()).text());
}

function busyNode(): FakeStatus {
  const status = new FakeStatus()
    .add(
      '10.1.2.3:5000',
      backend('10.0.0.1:80', { pending: 2 }),
      backend('10.0.0.2:80', { available: false }),
    )
    .add('10.1.2.4:5000', backend('10.0.0.2:80', { reachable: false, available: false, pending: 1 }));
  const { counters } = status;
  counters.verdict('mapped', 7);
  counters.verdict('deferred');
  counters.picked('probabilistic', 'open-reachable');
  counters.created('exists-moved', 2);
  counters.createFailed('EPERM');
  counters.handshakeAnswered(0.2);
  counters.handshakeAnswered(20_000);
  counters.handshakeTimedOut();
  counters.decided(0.05);
  counters.redispatched(3);
  counters.eventsOverran();
  counters.restoredRules();
  status.restarted.set('/node/data-plane/balancer-10.1.2.3:5000', 2);
  status.sourceList = [
    { name: 'file:/a "b"', ok: true, lastGoodAgeMs: 1500, errors: 0, lastError: undefined, vips: 2 },
    { name: 'mesos', ok: false, lastGoodAgeMs: undefined, errors: 4, lastError: 'timeout', vips: 0 },
  ];
  const queue = {
    received: 100,
    droppedFull: 1,
    droppedNoBuffer: 2,
    overruns: 3,
    unreadable: 4,
    outstanding: 5,
  };
  status.queueList = [
    { ...queue, number: 50, depth: 6 },
    { ...queue, number: 51, depth: 0 },
  ];
  status.conntrackUse = { count: 123, max: 262_144 };
  return status;
}

const rows: readonly [series: string, value: number][] = [
  ['minuteman_healthy', 1],
  ['minuteman_vips', 2],
  ['minuteman_backends{state="available"}', 1],
  ['minuteman_backends{state="unavailable"}', 1],
  ['minuteman_backends{state="unreachable"}', 1],
  ['minuteman_pending_handshakes', 3],
  ['minuteman_verdicts_total{outcome="mapped"}', 7],
  ['minuteman_verdicts_total{outcome="refused"}', 0],
  ['minuteman_verdicts_total{outcome="deferred"}', 1],
  ['minuteman_picks_total{algorithm="probabilistic",bucket="open-reachable"}', 1],
  ['minuteman_picks_total{algorithm="simple",bucket="rest"}', 0],
  ['minuteman_mappings_total{outcome="exists-moved"}', 2],
  ['minuteman_mapping_errors_total{code="EPERM"}', 1],
  ['minuteman_handshakes_total{outcome="answered"}', 2],
  ['minuteman_handshakes_total{outcome="timed_out"}', 1],
  ['minuteman_handshake_seconds_bucket{le="0.0001"}', 0],
  ['minuteman_handshake_seconds_bucket{le="0.00025"}', 1],
  ['minuteman_handshake_seconds_bucket{le="10"}', 1],
  ['minuteman_handshake_seconds_bucket{le="+Inf"}', 2],
  ['minuteman_handshake_seconds_sum', 20.0002],
  ['minuteman_handshake_seconds_count', 2],
  ['minuteman_decision_seconds_bucket{le="0.0001"}', 1],
  ['minuteman_redispatches_total', 3],
  ['minuteman_event_overruns_total', 1],
  ['minuteman_rules_restored_total', 1],
  ['minuteman_set_restored_total', 0],
  ['minuteman_queue_depth{queue="50"}', 6],
  ['minuteman_queue_depth{queue="51"}', 0],
  ['minuteman_queue_outstanding{queue="50"}', 5],
  ['minuteman_queue_packets_total{queue="50"}', 100],
  ['minuteman_queue_dropped_full_total{queue="50"}', 1],
  ['minuteman_queue_dropped_no_buffer_total{queue="50"}', 2],
  ['minuteman_queue_overruns_total{queue="50"}', 3],
  ['minuteman_queue_unreadable_total{queue="50"}', 4],
  ['minuteman_conntrack_entries', 123],
  ['minuteman_conntrack_max', 262_144],
  ['minuteman_actor_restarts_total{actor="/node/data-plane/balancer-10.1.2.3:5000"}', 2],
  ['minuteman_source_up{source="file:/a \\"b\\""}', 1],
  ['minuteman_source_up{source="mesos"}', 0],
  ['minuteman_source_errors_total{source="mesos"}', 4],
  ['minuteman_source_age_seconds{source="file:/a \\"b\\""}', 1.5],
  ['minuteman_source_vips{source="file:/a \\"b\\""}', 2],
];

const scraped = scrape(busyNode());

for (const [series, value] of rows) {
  test(`metrics: ${series} is ${value}`, async (t) => {
    t.is((await scraped).samples.get(series), value);
  });
}

test('metrics: every series has a type and our prefix, and counters end in _total', async (t) => {
  const { types, samples } = await scraped;
  for (const series of samples.keys()) {
    const name = series.replace(/\{.*/, '');
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    t.true(types.has(family), series);
    t.true(name.startsWith('minuteman_'), series);
    t.is(types.get(family) === 'counter', name.endsWith('_total'), series);
  }
});

test('metrics: what is not known is absent', async (t) => {
  const { samples } = await scrape(new FakeStatus());
  t.false(samples.has('minuteman_conntrack_max'));
  t.false((await scraped).samples.has('minuteman_source_age_seconds{source="mesos"}'));
});

test('metrics: actors beyond the bound are added up', async (t) => {
  const status = new FakeStatus();
  for (let i = 0; i < 1000; i += 1) status.restarted.set(`/node/balancer-${i}`, 1 + i);
  const { samples } = await scrape(status);
  const actors = [...samples].filter(([series]) => series.startsWith('minuteman_actor_restarts_total'));
  t.is(actors.length, 101);
  t.is(
    actors.reduce((sum, [, value]) => sum + value, 0),
    500_500,
  );
  t.true(samples.has('minuteman_actor_restarts_total{actor="/node/balancer-999"}'));
});
