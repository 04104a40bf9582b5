import test from 'ava';
import fc from 'fast-check';
import { endpoint } from '../../../src/core/endpoint.js';
import type { NetworkFaults, Undo } from '../../../src/sim/network/network-faults.js';
import { Village } from './village.js';

test('a packet arrives after 0.2 to 1 ms, each pair of hosts with a latency of its own', async (t) => {
  const village = new Village(6);
  for (let from = 0; from < 6; from += 1) {
    for (let to = 0; to < 6; to += 1) if (from !== to) village.send(from, to);
  }
  await village.run(2);
  const times = village.received.map(({ atMs }) => atMs);
  t.is(times.length, 30);
  t.true(times.every((ms) => ms >= 0.2 && ms <= 1.001));
  t.true(new Set(times.map((ms) => ms.toFixed(2))).size > 15);
});

test('a plan may set the latency, for all pairs or for one direction of one', async (t) => {
  const village = new Village(2);
  village.network.latency.setUsual({ minMs: 1, maxMs: 1 });
  village.network.latency.set(1, 0, { minMs: 30, maxMs: 30 });
  village.send(0, 1);
  village.send(1, 0);
  await village.run(100);
  t.deepEqual(
    village.received.map(({ host, atMs }) => [host, Math.round(atMs)]),
    [
      ['n2', 1],
      ['n1', 30],
    ],
  );
});

test('what goes to an address that no host has is lost', async (t) => {
  const village = new Village(1);
  const packet = { ...village.packet(0, 0, 'syn'), to: endpoint(0x0a010203, 80) };
  village.network.send(village.hosts[0]!, packet);
  await village.run(10);
  t.deepEqual(village.received, []);
  t.is(village.network.hostAt(0x0a010203), undefined);
  t.is(village.network.hostAt(village.hosts[0]!.address), village.hosts[0]);
});

test('a host that is down neither hears nor sends, not even what was under way', async (t) => {
  const village = new Village(2);
  const [first, second] = village.hosts as [(typeof village.hosts)[0], (typeof village.hosts)[0]];
  village.send(0, 1);
  village.network.setUp(second, false);
  village.send(1, 0);
  village.at(5, () => {
    village.network.setUp(second, true);
    village.send(1, 0);
  });
  await village.run(10);
  t.deepEqual(
    village.received.map(({ host }) => host),
    [first.name],
  );
});

type Apply = (faults: NetworkFaults) => Undo;
const LOST: readonly (readonly [string, Apply, readonly string[]])[] = [
  [
    'certain loss everywhere',
    (f) => f.loss({ kind: 'loss', from: undefined, to: undefined, probability: 1 }),
    [],
  ],
  [
    'loss from n1',
    (f) => f.loss({ kind: 'loss', from: 'n1', to: undefined, probability: 1 }),
    ['2>1', '2>3', '3>1', '3>2'],
  ],
  [
    'loss from n1 to n2',
    (f) => f.loss({ kind: 'loss', from: 'n1', to: 'n2', probability: 1 }),
    ['1>3', '2>1', '2>3', '3>1', '3>2'],
  ],
  [
    'a partition of n1',
    (f) => f.partition({ kind: 'partition', side: ['n1'], oneWay: false }),
    ['2>3', '3>2'],
  ],
  [
    'a partition of n1 that lets out',
    (f) => f.partition({ kind: 'partition', side: ['n1'], oneWay: true }),
    ['1>2', '1>3', '2>3', '3>2'],
  ],
  [
    'a partition of n1 and n2',
    (f) => f.partition({ kind: 'partition', side: ['n1', 'n2'], oneWay: false }),
    ['1>2', '2>1'],
  ],
  [
    'a black hole for connections to n2',
    (f) => f['connect-blackhole']({ kind: 'connect-blackhole', host: 'n2' }),
    ['1>3', '2>1', '2>3', '3>1'],
  ],
];

for (const [name, apply, passes] of LOST) {
  test(`with ${name} passes ${passes.length === 0 ? 'nothing' : passes.join(' ')}, and everything afterwards`, async (t) => {
    const village = new Village(3);
    const all = ['1>2', '1>3', '2>1', '2>3', '3>1', '3>2'];
    const sendAll = () => {
      for (const way of all)
        village.send(Number(way[0]) - 1, Number(way[2]) - 1, 'syn', 40000 + Number(way[0]));
    };
    const seen = () =>
      village.received
        .splice(0)
        .map(({ host, packet }) => `${(packet.from % 65536) - 40000}>${host.slice(1)}`)
        .sort();
    const undo = apply(village.network.faults);
    sendAll();
    await village.run(10);
    t.deepEqual(seen(), passes);
    undo();
    sendAll();
    await village.run(20);
    t.deepEqual(seen(), all);
  });
}

test('faults of one kind add up, and may be taken back in any order', async (t) => {
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ];
  for (const order of orders) {
    const village = new Village(2);
    const { faults } = village.network;
    const undos = [
      faults.partition({ kind: 'partition', side: ['n1'], oneWay: false }),
      faults.partition({ kind: 'partition', side: ['n1'], oneWay: false }),
      faults.partition({ kind: 'partition', side: ['n2'], oneWay: true }),
    ];
    let untilMs = 0;
    for (const at of order) {
      village.send(0, 1);
      untilMs += 5;
      await village.run(untilMs);
      t.is(village.received.length, 0);
      undos[at]!();
    }
    village.send(0, 1);
    await village.run(untilMs + 5);
    t.is(village.received.length, 1);
  }
});

test('of many packets the lossy way loses its share', async (t) => {
  const village = new Village(2);
  village.network.faults.loss({ kind: 'loss', from: undefined, to: undefined, probability: 0.1 });
  for (let port = 1; port <= 5000; port += 1) village.send(0, 1, 'syn', port);
  await village.run(10);
  t.true(village.received.length > 4300 && village.received.length < 4700, `${village.received.length}`);
});

test('a limited link takes its time and drops what does not fit its queue', async (t) => {
  const village = new Village(3);
  const undo = village.network.faults.bandwidth({ kind: 'bandwidth', host: 'n1', bytesPerMs: 10 });
  for (let n = 0; n < 30; n += 1) village.send(0, 1, 'data', 40000, 934);
  village.send(2, 1);
  await village.run(20);
  t.is(village.received.length, 1);
  await village.run(3_000);
  const passed = village.received.filter(({ packet }) => packet.size > 0);
  t.is(passed.length, 11);
  t.true(passed[10]!.atMs >= 1_100);
  undo();
  village.send(0, 1, 'data', 40000, 934);
  await village.run(3_002);
  t.is(village.received.length, 13);
});

test('packets of a connection stay in order whatever delays come and go; between connections there is none', async (t) => {
  let overtaken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.array(
        fc.record({
          atMs: fc.double({ min: 0, max: 50, noNaN: true }),
          port: fc.integer({ min: 1, max: 3 }),
        }),
        { minLength: 20, maxLength: 60 },
      ),
      fc.array(
        fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0, max: 20, noNaN: true })),
        {
          maxLength: 4,
        },
      ),
      async (seed, sendings, delays) => {
        const village = new Village(2, seed);
        const { faults } = village.network;
        for (const [atMs, lastsMs] of delays) {
          village.at(atMs, () => {
            const undo = [
              faults.delay({ kind: 'delay', from: 'n1', to: undefined, extraMs: 5 }),
              faults.bandwidth({ kind: 'bandwidth', host: 'n2', bytesPerMs: 50 }),
            ];
            village.at(atMs + lastsMs, () => {
              for (const each of undo) each();
            });
          });
        }
        const sent: number[] = [];
        const order = [...sendings].sort((a, b) => a.atMs - b.atMs);
        for (const [n, { atMs, port }] of order.entries()) {
          village.at(atMs + n * 1e-3, () => {
            sent.push(n);
            village.send(0, 1, 'data', port, n);
          });
        }
        await village.run(5_000);
        const sizes = village.received.map(({ packet }) => packet.size);
        if (sizes.some((size, at) => at > 0 && size < sizes[at - 1]!)) overtaken += 1;
        for (const port of [1, 2, 3]) {
          const mine = village.received.filter(({ packet }) => packet.from % 65536 === port);
          const inOrder = mine.every(({ packet }, at) => at === 0 || packet.size > mine[at - 1]!.packet.size);
          if (!inOrder) return false;
        }
        return sent.length === order.length;
      },
    ),
    { numRuns: 60, seed: 7 },
  );
  t.true(overtaken > 5);
});

test('packets sent in one instant over links of equal latency keep their order', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const village = new Village(2, seed);
    village.network.latency.setUsual({ minMs: 1, maxMs: 1 });
    for (let n = 0; n < 20; n += 1) village.send(0, 1, 'data', 40000, n);
    await village.run(10);
    t.deepEqual(
      village.received.map(({ packet }) => packet.size),
      Array.from({ length: 20 }, (_, n) => n),
    );
  }
});

test('the same seed gives the same world, another seed another', async (t) => {
  const digest = async (seed: number) => {
    const village = new Village(4, seed);
    village.network.faults.loss({ kind: 'loss', from: undefined, to: undefined, probability: 0.3 });
    for (let n = 0; n < 100; n += 1) village.at(n, () => village.send(n % 4, (n + 1) % 4, 'data', n + 1));
    await village.run(1_000);
    return village.engine.hash.digest();
  };
  t.is(await digest(3), await digest(3));
  t.not(await digest(3), await digest(4));
});

test('what a host sends is counted with its headers, also what gets lost, and not what stays on it', async (t) => {
  const village = new Village(2);
  village.network.faults.loss({ kind: 'loss', from: 'n1', to: undefined, probability: 1 });
  village.send(0, 1, 'data', 40000, 100);
  village.send(0, 1, 'ack');
  village.send(0, 0, 'data', 40000, 100);
  await village.run(10);
  t.deepEqual(
    village.hosts.map((host) => village.network.octetsSent(host)),
    [100 + 66 + 66, 0],
  );
  t.is(village.received.length, 1);
});

test('a fault that names a stranger is refused', (t) => {
  const village = new Village(1);
  t.throws(() => village.network.faults.bandwidth({ kind: 'bandwidth', host: 'n9', bytesPerMs: 1 }), {
    message: /names n9/,
  });
});
