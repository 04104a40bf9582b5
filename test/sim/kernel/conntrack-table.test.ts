import test from 'ava';
import { ENTRY_STATES } from '../../../src/core/data-plane/existing-entry.js';
import { type Endpoint, endpoint, portOf } from '../../../src/core/endpoint.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { ConntrackTable, Entry } from '../../../src/sim/kernel/conntrack-table.js';
import { SYN_SENT } from '../../../src/sim/kernel/tcp-states.js';
import type { Segment } from '../../../src/sim/network/packet.js';

const CLIENT = endpoint(0x0a630001, 40_000);
const SERVER = endpoint(0x0a630002, 80);

function made() {
  const engine = new Engine(1);
  return { engine, table: new ConntrackTable(engine, engine.stream('table')) };
}

/** `>` from the client, `<` from the server. */
function pass(table: ConntrackTable, text: string): string {
  const reply = text[0] === '<';
  const segment = text.slice(1) as Segment;
  const [from, to] = reply ? [SERVER, CLIENT] : [CLIENT, SERVER];
  const fate = table.track({ from, to, segment, size: 0, sequence: 1, acknowledged: 2 }, true);
  if (fate === 'tracked' && !table.entry!.confirmed) table.confirm(table.entry!);
  return fate === 'tracked' ? ENTRY_STATES[table.entry!.state]! : fate;
}

const rows: readonly [happens: string, packets: string, state: string][] = [
  ['a SYN that is sent again', '>syn >syn', 'syn-sent'],
  ['a SYN that is answered', '>syn <syn-ack', 'syn-recv'],
  ['a handshake', '>syn <syn-ack >ack', 'established'],
  ['data instead of the last ACK', '>syn <syn-ack >data', 'established'],
  ['the client finishes', '>syn <syn-ack >ack >fin', 'fin-wait'],
  ['and is acknowledged', '>syn <syn-ack >ack >fin <ack', 'close-wait'],
  ['and the server finishes too', '>syn <syn-ack >ack >fin <ack <fin', 'last-ack'],
  ['both finish', '>syn <syn-ack >ack >fin <fin >ack', 'time-wait'],
  ['a reset', '>syn <syn-ack >ack <rst', 'close'],
  ['a SYN into a live connection', '>syn <syn-ack >ack >syn', 'established'],
  ['a SYN into a half-closed one', '>syn <syn-ack >ack >fin <ack >syn', 'close-wait'],
  [
    'the challenge that answers a SYN is not the last ACK',
    '>syn <syn-ack >ack >fin <fin >syn <ack',
    'last-ack',
  ],
  ['a SYN over a finished one', '>syn <syn-ack >ack >fin <fin >ack >syn', 'syn-sent'],
  ['a SYN over one that the client reset', '>syn <syn-ack >ack >rst >syn', 'syn-sent'],
  ['a SYN over one that the server reset', '>syn <syn-ack >ack <rst >syn', 'close'],
  ['and the server takes it', '>syn <syn-ack >ack <rst >syn <syn-ack', 'syn-recv'],
  ['an ACK of a connection that began unseen', '>ack', 'established'],
  ['an ACK after a SYN that nobody answered', '>syn >ack', 'invalid'],
  ['a SYN-ACK of nothing', '<syn-ack', 'invalid'],
  ['a RST of nothing', '>rst', 'invalid'],
  ['a FIN of nothing', '>fin', 'invalid'],
];

for (const [happens, packets, state] of rows) {
  test(`${happens}: ${packets} is ${state}`, (t) => {
    const { table } = made();
    t.is(
      packets
        .split(' ')
        .map((packet) => pass(table, packet))
        .at(-1),
      state,
    );
  });
}

test('a RST as the first answer leaves nothing', (t) => {
  const { table } = made();
  pass(table, '>syn');
  t.is(pass(table, '<rst'), 'close');
  t.is(table.count, 0);
});

const lifetimes: readonly [packets: string, seconds: number][] = [
  ['>syn', 120],
  ['>syn <syn-ack', 60],
  ['>syn <syn-ack >ack', 432_000],
  ['>ack', 300],
  ['>syn <syn-ack >ack >fin', 120],
  ['>syn <syn-ack >ack >fin <ack', 60],
  ['>syn <syn-ack >ack >fin <fin', 30],
  ['>syn <syn-ack >ack >fin <fin >ack', 120],
  ['>syn <syn-ack >ack <rst', 10],
];

for (const [packets, seconds] of lifetimes) {
  test(`after ${packets} an entry lives for ${seconds} s`, async (t) => {
    const { engine, table } = made();
    for (const packet of packets.split(' ')) pass(table, packet);
    await engine.run(seconds * 1_000 - 1);
    t.is(table.count, 1);
    await engine.run(seconds * 1_000 + 1);
    t.is(table.find(CLIENT, SERVER), undefined);
    t.is(table.count, 0);
  });
}

test('SYNs that are sent again do not renew an entry that nobody answered', async (t) => {
  const { engine, table } = made();
  table.insert(new Entry(CLIENT, SERVER, endpoint(0x0a630003, 80), CLIENT, SYN_SENT, true), 10_000);
  pass(table, '>syn');
  await engine.run(7_000);
  pass(table, '>syn');
  await engine.run(10_001);
  t.is(table.peek(CLIENT, SERVER), undefined);
});

test('connections whose replies would look alike get ports of their own', (t) => {
  const { table } = made();
  const seen = new Set<Endpoint>();
  for (let vip = 1; vip <= 500; vip += 1) {
    const entry = new Entry(CLIENT, endpoint(vip, 80), SERVER, CLIENT, SYN_SENT, true);
    table.makeReplyUnique(entry);
    t.true(table.insert(entry, 1_000));
    t.true(portOf(entry.seen) >= 1_024);
    seen.add(entry.seen);
  }
  t.is(seen.size, 500);
});

test('a full table makes room only at the cost of what never stood', (t) => {
  const { table } = made();
  table.max = 20;
  const entries = Array.from({ length: 20 }, (_, port) => {
    const entry = new Entry(endpoint(1, port + 1), SERVER, SERVER, endpoint(1, port + 1), SYN_SENT, false);
    entry.assured = true;
    table.insert(entry, 60_000);
    return entry;
  });
  t.false(table.makeRoom());
  for (const entry of entries.slice(0, 10)) entry.assured = false;
  let rooms = 0;
  for (let i = 0; i < 10; i += 1) if (table.makeRoom()) rooms += 1;
  t.true(rooms > 0);
  t.true(entries.slice(10).every((entry) => table.find(entry.client, entry.vip) === entry));
});
