import test from 'ava';
import fc from 'fast-check';
import { endpoint } from '../../../src/core/endpoint.js';
import { couple, Ear, Village } from './village.js';

const bytes = (count: number, value = 1): Uint8Array => new Uint8Array(count).fill(value);

test('a stream is asked for, taken, used both ways and closed', async (t) => {
  const village = new Village(2);
  const { client, server } = couple(village);
  t.deepEqual(client.heard, [], 'nothing is told inside the call');
  await village.run(10);
  client.stream!.send(bytes(5));
  server.stream!.send(bytes(7));
  await village.run(20);
  server.stream!.close();
  await village.run(30);
  t.deepEqual(client.heard, ['connected', 'data 7', 'end']);
  t.deepEqual(server.heard, ['connected', 'data 5']);
  t.is(client.stream!.remote, server.stream!.local);
  t.is(client.stream!.local, server.stream!.remote);
});

test('what is sent before the stream is connected arrives once it is', async (t) => {
  const village = new Village(2);
  const { client, server } = couple(village);
  client.stream!.send(bytes(5));
  client.stream!.close();
  await village.run(10);
  t.deepEqual(server.heard, ['connected', 'data 5', 'end']);
  t.deepEqual(client.heard, []);
});

test('octets are copied when they are sent', async (t) => {
  const village = new Village(2);
  const { client, server } = couple(village);
  const mine = bytes(3);
  client.stream!.send(mine);
  mine.fill(9);
  await village.run(10);
  t.deepEqual(server.octets, [1, 1, 1]);
});

test('nobody listens: refused', async (t) => {
  const village = new Village(2);
  const ear = new Ear(village.engine);
  village.network.dial(village.hosts[0]!, village.processes[0]!, endpoint(village.hosts[1]!.address, 1), ear);
  await village.run(10);
  t.deepEqual(ear.heard, ['refused']);
});

test('nobody has the address: unreachable after three seconds', async (t) => {
  const village = new Village(1);
  const ear = new Ear(village.engine);
  village.network.dial(village.hosts[0]!, village.processes[0]!, endpoint(0x0a010203, 1), ear);
  await village.run(10_000);
  t.deepEqual([ear.heard, ear.times], [['unreachable'], [3000]]);
});

test('a machine that is down is asked for 127 seconds, or until the caller gives up', async (t) => {
  for (const patient of [true, false]) {
    const village = new Village(2);
    village.network.setUp(village.hosts[1]!, false);
    const { client } = couple(village);
    if (!patient) village.at(5_000, () => client.stream!.abort());
    await village.run(200_000);
    t.deepEqual(client.heard, patient ? ['timeout'] : []);
    if (patient) t.is(client.times[0], 127_000);
  }
});

test('a black hole for connections swallows SYNs until it is gone, and nothing of what stands', async (t) => {
  const village = new Village(3);
  const { client, server } = couple(village, 0, 1);
  await village.run(10);
  const undo = village.network.faults['connect-blackhole']({ kind: 'connect-blackhole', host: 'n2' });
  const late = new Ear(village.engine);
  village.network.dial(village.hosts[2]!, village.processes[2]!, server.stream!.local, late);
  client.stream!.send(bytes(1));
  village.at(2_500, undo);
  await village.run(10_000);
  t.deepEqual(late.heard, ['connected']);
  t.true(late.times[0]! > 3_010 && late.times[0]! < 3_020, `${late.times[0]}`);
  t.deepEqual(server.heard, ['connected', 'data 1', 'connected']);
});

type Row = readonly [
  name: string,
  act: (village: Village, ears: { client: Ear; server: Ear }) => void,
  client: readonly string[],
  server: readonly string[],
];
const ENDINGS: readonly Row[] = [
  ['the server closes', (_, { server }) => server.stream!.close(), ['end'], []],
  ['the server aborts', (_, { server }) => server.stream!.abort(), ['reset'], []],
  ['the server program is killed', (village) => village.processes[1]!.end(), ['end'], []],
  [
    'the server program is killed with words it never read',
    (village, { client }) => {
      village.processes[1]!.pause();
      client.stream!.send(bytes(1));
      village.at(20, () => village.processes[1]!.end());
    },
    ['reset'],
    [],
  ],
  [
    'the client sends to a server that closed',
    (village, { client, server }) => {
      server.stream!.close();
      client.stream!.send(bytes(1));
      village.at(20, () => client.stream!.send(bytes(1)));
    },
    ['end'],
    [],
  ],
  [
    'the machine of the server panics and the client says nothing',
    (village) => village.network.setUp(village.hosts[1]!, false),
    [],
    [],
  ],
  [
    'the machine of the server panics and the client speaks to it',
    (village, { client }) => {
      village.network.setUp(village.hosts[1]!, false);
      client.stream!.send(bytes(1));
    },
    ['timeout'],
    [],
  ],
  [
    'the machine of the server panics, comes back, and the client speaks to it',
    (village, { client }) => {
      village.network.setUp(village.hosts[1]!, false);
      client.stream!.send(bytes(1));
      village.at(10_000, () => village.network.setUp(village.hosts[1]!, true));
    },
    ['reset'],
    [],
  ],
  [
    'somebody cuts the connections between both',
    (village) => void village.network.faults.cut({ kind: 'cut', a: 'n2', b: 'n1' }),
    ['reset'],
    ['reset'],
  ],
  [
    'the connections of the client are forgotten by their other ends',
    (village) => void village.network.faults['half-open']({ kind: 'half-open', host: 'n1' }),
    [],
    ['reset'],
  ],
  [
    'the connections of the client are forgotten and it speaks',
    (village, { client }) => {
      village.network.faults['half-open']({ kind: 'half-open', host: 'n1' });
      client.stream!.send(bytes(1));
    },
    ['reset'],
    ['reset'],
  ],
  [
    'both are parted for ever and both speak',
    (village, { client, server }) => {
      village.network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: false });
      client.stream!.send(bytes(1));
      server.stream!.send(bytes(1));
    },
    ['timeout'],
    ['timeout'],
  ],
  [
    'only the client is heard, for ever, and both speak',
    (village, { client, server }) => {
      village.network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: true });
      client.stream!.send(bytes(1));
      server.stream!.send(bytes(1));
    },
    ['timeout'],
    ['data 1', 'timeout'],
  ],
  [
    'both are parted for a minute and the client speaks meanwhile',
    (village, { client }) => {
      const undo = village.network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: false });
      client.stream!.send(bytes(1));
      client.stream!.send(bytes(2));
      village.at(60_000, undo);
    },
    [],
    ['data 1', 'data 2'],
  ],
];

for (const [name, act, client, server] of ENDINGS) {
  test(`when ${name}, the client hears [${client}] and the server [${server}]`, async (t) => {
    const village = new Village(2);
    const ears = couple(village);
    await village.run(10);
    act(village, ears);
    await village.run(2_000_000);
    t.deepEqual(ears.client.heard, ['connected', ...client]);
    t.deepEqual(ears.server.heard, ['connected', ...server]);
  });
}

test('silence is broken by retransmissions after 200 ms, doubling', async (t) => {
  const rows = [
    [100, 200],
    [300, 600],
    [1_000, 1_400],
    [60_000, 102_200],
  ] as const;
  for (const [healsMs, comesMs] of rows) {
    const village = new Village(2);
    const { client, server } = couple(village);
    await village.run(10);
    const undo = village.network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: false });
    client.stream!.send(bytes(1));
    village.at(10 + healsMs, undo);
    await village.run(200_000);
    const tookMs = server.times[1]! - 10;
    t.true(tookMs >= comesMs && tookMs < comesMs + 2, `healed after ${healsMs}, came after ${tookMs}`);
  }
});

test('what follows something lost waits for it', async (t) => {
  const village = new Village(2);
  const { client, server } = couple(village);
  await village.run(10);
  const undo = village.network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: false });
  client.stream!.send(bytes(1, 1));
  village.at(50, () => {
    undo();
    client.stream!.send(bytes(1, 2));
  });
  await village.run(209);
  t.deepEqual(server.octets, []);
  await village.run(220);
  t.deepEqual(server.octets, [1, 2]);
});

test('through loss everything comes in order, late, and is acknowledged in the end', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.constantFrom(0.01, 0.1, 0.4),
      fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 15 }),
      async (seed, probability, sizes) => {
        const village = new Village(2, seed);
        village.network.faults.loss({ kind: 'loss', from: undefined, to: undefined, probability });
        const { client, server } = couple(village);
        const expected: number[] = [];
        for (const [n, size] of sizes.entries()) {
          village.at(n * 20, () => client.stream!.send(bytes(size, n + 1)));
          for (let count = 0; count < size; count += 1) expected.push(n + 1);
        }
        village.at(1_000, () => client.stream!.close());
        await village.run(3_000_000);
        return (
          server.heard[0] === 'connected' &&
          server.heard.at(-1) === 'end' &&
          server.octets.length === expected.length &&
          server.octets.every((octet, at) => octet === expected[at])
        );
      },
    ),
    { numRuns: 40, seed: 11 },
  );
  t.pass();
});

test('who sends to a program that stands still sees what it buffers grow, and hears when it is gone', async (t) => {
  const village = new Village(2);
  const { client, server } = couple(village);
  await village.run(10);
  village.processes[1]!.pause();
  let willing = 0;
  for (let n = 0; n < 50; n += 1) {
    village.at(20 + n, () => {
      if (client.stream!.send(bytes(20_000))) willing += 1;
    });
  }
  await village.run(5_000);
  // 13 pieces of 20,000 octets are in the receiver's kernel, acknowledged; the others wait for room.
  t.is(client.stream!.buffered, 37 * 20_000);
  t.true(willing >= 13 && willing <= 17, `${willing}`);
  t.deepEqual(server.heard, ['connected']);
  village.processes[1]!.resume();
  await village.run(10_000);
  t.is(client.stream!.buffered, 0);
  t.is(server.octets.length, 1_000_000);
  t.deepEqual(client.heard, ['connected', 'drain']);
});

test('an acknowledgement takes its way back before octets count as such', async (t) => {
  const village = new Village(2);
  village.network.latency.setUsual({ minMs: 10, maxMs: 10 });
  const { client } = couple(village);
  await village.run(100);
  t.true(client.stream!.send(bytes(10)));
  await village.run(119);
  t.is(client.stream!.buffered, 10);
  await village.run(121);
  t.is(client.stream!.buffered, 0);
});

test('a program that stands still takes streams when it goes on, with what was said meanwhile', async (t) => {
  const village = new Village(2);
  village.processes[1]!.pause();
  const { client, server } = couple(village);
  client.stream!.send(bytes(3));
  village.at(100, () => client.stream!.close());
  await village.run(1_000);
  t.deepEqual([client.heard, server.heard], [['connected'], []]);
  village.processes[1]!.resume();
  await village.run(1_001);
  t.deepEqual(server.heard, ['connected', 'data 3', 'end']);
});

test('a killed program listens no more, and its port is free; a taken port is refused', async (t) => {
  const village = new Village(2);
  const { network, hosts, processes } = village;
  couple(village);
  t.throws(() => network.listen(hosts[1]!, village.program(1), 7000, () => new Ear(village.engine)), {
    message: /7000 is taken/,
  });
  await village.run(10);
  processes[1]!.end();
  const ear = new Ear(village.engine);
  network.dial(hosts[0]!, processes[0]!, endpoint(hosts[1]!.address, 7000), ear);
  await village.run(20);
  t.deepEqual(ear.heard, ['refused']);
  network.listen(hosts[1]!, village.program(1), 7000, () => new Ear(village.engine)).close();
});

test('a program that is killed while it dials is never heard of', async (t) => {
  const village = new Village(2);
  const { client, server } = couple(village);
  village.processes[0]!.end();
  await village.run(1_000);
  t.deepEqual([client.heard, server.heard.slice(1)], [[], []]);
});

test('in the quiet a message is one event, and both loopback and distant streams leave none behind', async (t) => {
  const village = new Village(2);
  const { client } = couple(village);
  await village.run(10);
  const before = village.engine.events;
  for (let n = 0; n < 1000; n += 1) {
    village.at(10 + n, () => client.stream!.send(bytes(100)));
  }
  await village.run(100_000);
  t.is(village.engine.events - before, 2000);
  const self = couple(village, 0, 0);
  self.client.stream!.send(bytes(1));
  await village.run(100_010);
  t.deepEqual(self.server.heard, ['connected', 'data 1']);
});
