import test from 'ava';
import { addressOf } from '../../../src/core/endpoint.js';
import { STATE_NAMES } from '../../../src/sim/kernel/tcp-states.js';
import { TwoHosts, VIP } from './two-hosts.js';

test('a connection to a VIP is mapped, carries a message both ways and ends', async (t) => {
  const world = new TwoHosts();
  await world.intercept();
  world.server.listen(world.backend);
  world.place(() => world.backend);
  const caller = world.call();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected']);
  t.is(caller.backend, world.backend);
  const [entry] = world.client.entries();
  t.is(entry?.backend, world.backend);
  t.is(STATE_NAMES[entry!.state], 'established');
  caller.connection.send(100);
  await world.pass(50);
  t.deepEqual(caller.told, ['connected', 'data 100']);
  caller.connection.close();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected', 'data 100', 'done']);
  t.is(STATE_NAMES[world.client.entries()[0]!.state], 'time-wait');
  t.is(world.server.sockets, 0);
  t.deepEqual(
    world.happened.map(({ kind }) => kind),
    ['queued', 'mapped', 'verdict'],
  );
});

test('without a backend the SYN is reset at once', async (t) => {
  const world = new TwoHosts();
  await world.intercept();
  world.place(() => undefined);
  const caller = world.call();
  await world.pass(50);
  t.deepEqual(caller.told, ['refused']);
  t.is(world.client.entries().length, 0);
  t.is(world.kinds('rejected').length, 1);
  t.is(world.kinds('leaked').length, 0);
});

test('where nobody intercepts, a SYN towards a VIP is on the wire, and is given up after two minutes', async (t) => {
  const world = new TwoHosts();
  const caller = world.call(VIP);
  await world.pass(126_000);
  t.deepEqual(caller.told, []);
  await world.pass(2_000);
  t.deepEqual(caller.told, ['timeout']);
  t.deepEqual(caller.synsMs, [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000]);
  t.is(world.kinds('leaked').length, 7);
});

test("a backend on the client's own host is reached without the wire", async (t) => {
  const world = new TwoHosts();
  await world.intercept();
  world.loses = () => true;
  const own = (world.hosts[0].address * 65_536 + 8080) as typeof VIP;
  world.client.listen(own);
  world.place(() => own);
  const caller = world.call();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected']);
  t.is(addressOf(caller.backend!), world.hosts[0].address);
});

test('lost segments are sent again until they come', async (t) => {
  const world = new TwoHosts();
  const random = world.engine.stream('loss');
  world.loses = () => random.chance(0.4);
  world.server.listen(world.backend);
  const caller = world.call(world.backend);
  await world.pass(60_000);
  caller.connection.send(10);
  caller.connection.send(20);
  await world.pass(120_000);
  caller.connection.close();
  await world.pass(120_000);
  t.deepEqual(caller.told, ['connected', 'data 10', 'data 20', 'done']);
  t.is(world.server.sockets, 0);
});
