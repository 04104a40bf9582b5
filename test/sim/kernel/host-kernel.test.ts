import test from 'ava';
import { ENTRY_STATES } from '../../../src/core/data-plane/existing-entry.js';
import { addressOf, endpoint } from '../../../src/core/endpoint.js';
import { Process } from '../../../src/sim/engine/process.js';
import { PLAN, TwoHosts, VIP } from './two-hosts.js';

/** A client that is connected to a backend on the other host, through the VIP. */
async function connectedWorld() {
  const world = new TwoHosts();
  await world.intercept();
  const listener = world.server.listen(world.backend);
  world.place(() => world.backend);
  const caller = world.call();
  await world.pass(50);
  return { world, caller, listener };
}

test('a connection to a VIP is mapped, carries a message both ways and ends', async (t) => {
  const { world, caller } = await connectedWorld();
  t.deepEqual(caller.told, ['connected']);
  t.is(caller.backend, world.backend);
  const [entry] = world.client.entries();
  t.is(entry?.backend, world.backend);
  t.is(ENTRY_STATES[entry!.state], 'established');
  caller.connection.send(100);
  await world.pass(50);
  t.deepEqual(caller.told, ['connected', 'data 100']);
  caller.connection.close();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected', 'data 100', 'done']);
  t.is(ENTRY_STATES[world.client.entries()[0]!.state], 'time-wait');
  t.is(world.server.sockets, 0);
  t.deepEqual(
    world.happened.map(({ kind }) => kind),
    ['queued', 'mapped', 'verdict'],
  );
});

test('the same seed gives the same run', async (t) => {
  const digests: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    const { world } = await connectedWorld();
    for (let i = 0; i < 20; i += 1) world.call().connection.close();
    await world.pass(5_000);
    digests.push(world.engine.hash.digest());
  }
  t.is(digests[0], digests[1]);
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
  const own = endpoint(world.hosts[0].address, 8080);
  world.client.listen(own);
  world.place(() => own);
  const caller = world.call();
  await world.pass(50);
  caller.connection.send(1);
  caller.connection.send(2);
  caller.connection.finish();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected', 'data 1', 'data 2', 'done']);
  t.is(addressOf(caller.backend!), world.hosts[0].address);
});

test('a client whose SYN comes from the wire is placed, with a source that brings the answers back', async (t) => {
  const world = new TwoHosts();
  await world.intercept();
  world.server.listen(world.backend);
  const { queues, conntrack } = world.ports;
  const queue = queues.open(PLAN.firstQueue);
  let inInterface = 0;
  queue.receive((syns) => {
    for (const syn of syns) {
      inInterface = syn.inInterface;
      conntrack.map([{ ...syn, backend: world.backend, source: world.hosts[0].address }]);
      queue.verdict([syn.id], 'accept');
    }
  });
  const sent: string[] = [];
  world.loses = (packet) => {
    if (packet.from === VIP) sent.push(packet.segment);
    return packet.from === VIP;
  };
  const stranger = endpoint(0x0a630909, 40_000);
  world.client.receive({ from: stranger, to: VIP, segment: 'syn', size: 0, sequence: 1 });
  await world.pass(50);
  t.is(inInterface, 2);
  t.deepEqual(sent, ['syn-ack']);
});

test('a SYN-ACK for nobody, and any other stray segment but a RST, is answered with a RST', async (t) => {
  const world = new TwoHosts();
  const stranger = endpoint(world.hosts[1].address, 9);
  const here = endpoint(world.hosts[0].address, 40_000);
  const resets: unknown[] = [];
  world.loses = ({ segment, sequence, to }) => {
    if (to === stranger) resets.push([segment, sequence]);
    return true;
  };
  for (const segment of ['syn-ack', 'ack', 'data', 'fin', 'syn', 'rst'] as const)
    world.client.receive({ from: stranger, to: here, segment, size: 0, sequence: 5, acknowledged: 77 });
  await world.pass(10);
  t.deepEqual(resets, [
    ['rst', 77],
    ['rst', 77],
    ['rst', 77],
    ['rst', 77],
    ['rst', 0],
  ]);
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

test('data that nobody acknowledges ends the connection after about a quarter of an hour', async (t) => {
  const { world, caller } = await connectedWorld();
  world.loses = () => true;
  caller.connection.send(1);
  await world.pass(800_000);
  t.is(caller.why, undefined);
  await world.pass(400_000);
  t.is(caller.why, 'timeout');
});

test('a SYN for a connection that stands elsewhere brings about its end, and then a new one', async (t) => {
  const world = new TwoHosts();
  world.server.listen(world.backend);
  const port = 40_000;
  world.call(world.backend, port);
  await world.pass(50);
  // The client's machine forgets the connection, and a program takes the same port again.
  world.client.forgetConnections();
  const again = world.call(world.backend, port);
  await world.pass(5);
  // The old backend asks what this is, and the client resets it; the next SYN after a second opens a new one.
  t.deepEqual(again.told, []);
  t.is(world.server.sockets, 0);
  await world.pass(1_100);
  t.deepEqual(again.told, ['connected']);
});

test('a listener that closes resets what it has, one that refuses keeps it, a silent one answers nothing', async (t) => {
  const { world, caller, listener } = await connectedWorld();
  listener.become({ answer: 'refuse' });
  const refused = world.call();
  caller.connection.send(1);
  await world.pass(50);
  t.is(refused.why, 'refused');
  t.deepEqual(caller.told, ['connected', 'data 1']);
  listener.become({ answer: 'silent' });
  const waiting = world.call();
  caller.connection.send(2);
  await world.pass(50);
  t.deepEqual([waiting.why, caller.told.length], [undefined, 2]);
  listener.become({ answer: 'accept', handshakeMs: 100, echoMs: 200 });
  const slow = world.call();
  await world.pass(90);
  t.deepEqual(slow.told, []);
  await world.pass(20);
  slow.connection.send(3);
  await world.pass(190);
  t.deepEqual(slow.told, ['connected']);
  await world.pass(20);
  t.deepEqual(slow.told, ['connected', 'data 3']);
  listener.close();
  await world.pass(50);
  t.is(caller.why, 'reset');
});

test('a machine that ends silently leaves its peers to find out, one that is killed resets them', async (t) => {
  for (const how of ['silent', 'reset'] as const) {
    const { world, caller } = await connectedWorld();
    world.server.shutDown(how);
    await world.pass(50);
    t.is(caller.why, how === 'reset' ? 'reset' : undefined);
    caller.connection.send(1);
    await world.pass(1_000);
    world.server.boot();
    await world.pass(2_000);
    // It knows nothing of the connection any more.
    t.is(caller.why, 'reset');
    t.is(world.server.sockets, 0);
  }
});

test('the programs of a machine that ends hear of it at once, and it starts afresh', async (t) => {
  const { world, caller } = await connectedWorld();
  world.client.shutDown('silent');
  t.is(caller.why, 'host-ended');
  world.process.end();
  const late = world.call();
  await world.pass(10);
  t.is(late.why, 'unreachable');
  world.client.boot();
  t.deepEqual(world.client.standingRules(), []);
  t.deepEqual(world.client.entries(), []);
  t.deepEqual(world.client.sets.names(), []);
  const ports = world.client.ports(new Process(world.engine, world.hosts[0].lane, world.hosts[0].clock));
  t.is(ports.queues.open(PLAN.firstQueue).number, PLAN.firstQueue);
});

test('a machine that stands still goes on where it was, with what its card could hold', async (t) => {
  const { world, caller } = await connectedWorld();
  world.server.pause();
  caller.connection.send(1);
  await world.pass(3_000);
  t.deepEqual(caller.told, ['connected']);
  world.server.resume();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected', 'data 1']);
  world.client.pause();
  caller.connection.send(2);
  caller.connection.close();
  await world.pass(60_000);
  t.deepEqual(caller.told, ['connected', 'data 1']);
  world.client.resume();
  await world.pass(5_000);
  t.is(caller.why, 'done');
});

test('half-open: a peer that forgot the connection resets it when it hears of it', async (t) => {
  const { world, caller } = await connectedWorld();
  world.server.forgetConnections();
  await world.pass(10_000);
  t.is(caller.why, undefined);
  caller.connection.send(1);
  await world.pass(50);
  t.is(caller.why, 'reset');
});
