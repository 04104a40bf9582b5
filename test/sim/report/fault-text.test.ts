import test from 'ava';
import type { Fault } from '../../../src/sim/plan/plan.js';
import { describeFault, describeTimedFault, placesOf } from '../../../src/sim/report/fault-text.js';

const rows: readonly { fault: Fault; text: string; hosts: readonly string[]; elsewhere?: string }[] = [
  { fault: { kind: 'panic', host: 'n7', wiped: true }, text: 'panic n7, wiped', hosts: ['n7'] },
  { fault: { kind: 'panic', host: 'n7', wiped: false }, text: 'panic n7', hosts: ['n7'] },
  {
    fault: { kind: 'loss', from: 'n1', to: undefined, probability: 0.3 },
    text: 'loss, from n1, probability 0.3',
    hosts: ['n1'],
    elsewhere: 'network',
  },
  {
    fault: { kind: 'partition', side: ['n1', 'n2'], oneWay: true },
    text: 'partition, side n1 n2, one way',
    hosts: ['n1', 'n2'],
    elsewhere: 'network',
  },
  {
    fault: { kind: 'slow-tools', host: 'n2', tookMs: 400 },
    text: 'slow-tools n2, took 400 ms',
    hosts: ['n2'],
  },
  {
    fault: { kind: 'clock-drift', host: 'n2', rate: 1.0082193332118914 },
    text: 'clock-drift n2, rate 1.0082',
    hosts: ['n2'],
  },
  {
    fault: { kind: 'bandwidth', host: 'n2', bytesPerMs: 10 },
    text: 'bandwidth n2, bytes per ms 10',
    hosts: ['n2'],
  },
  {
    fault: { kind: 'backend-slow', backend: 12, extraMs: 5 },
    text: 'backend-slow, backend 12, extra 5 ms',
    hosts: [],
    elsewhere: 'backends',
  },
  { fault: { kind: 'master', how: 'stale' }, text: 'master, how stale', hosts: [], elsewhere: 'master' },
];

for (const { fault, text, hosts, elsewhere } of rows) {
  test(`a fault reads: ${text}`, (t) => {
    t.is(describeFault(fault), text);
    t.deepEqual(placesOf(fault), { hosts, elsewhere: elsewhere as 'network' | undefined });
  });
}

test('a partition of many names some of them', (t) => {
  const side = Array.from({ length: 20 }, (_, n) => `n${n + 1}`);
  t.is(
    describeFault({ kind: 'partition', side, oneWay: false }),
    'partition, side n1 n2 n3 n4 n5 n6 n7 n8 and 12 more',
  );
});

test('a fault reads with its time', (t) => {
  const fault: Fault = { kind: 'daemon-killed', host: 'n1' };
  t.is(describeTimedFault({ atMs: 12_300, durationMs: 4_000, fault }), 'at 12.3 s for 4 s: daemon-killed n1');
  t.is(describeTimedFault({ atMs: 500, durationMs: 0, fault }), 'at 0.5 s: daemon-killed n1');
});
