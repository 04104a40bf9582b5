import test from 'ava';
import { PLAN, TwoHosts } from './two-hosts.js';

/*
 * SYNs and a daemon that does not decide: its end, its standing still, its queue being full.
 */

async function holding(): Promise<TwoHosts> {
  const world = new TwoHosts();
  await world.intercept();
  world.server.listen(world.backend);
  world.ports.queues.open(PLAN.firstQueue).receive(() => {});
  // The warden starts with the next heartbeat.
  await world.pass(1_100);
  return world;
}

function verdicts(world: TwoHosts): readonly string[] {
  return world.happened.flatMap((one) => (one.kind === 'verdict' ? [`${one.verdict} by ${one.by}`] : []));
}

test('what a daemon holds is dropped when it ends, and later SYNs pass and are refused', async (t) => {
  const world = await holding();
  const held = world.call();
  await world.pass(100);
  world.process.end();
  t.deepEqual(verdicts(world), ['drop by kernel']);
  const next = world.call();
  await world.pass(50);
  t.is(next.why, 'refused');
  t.is(held.why, undefined);
  await world.pass(1_000);
  t.is(held.why, 'refused');
});

test('a daemon that stands still for three seconds is bypassed, and what it holds is refused', async (t) => {
  const world = await holding();
  world.process.pause();
  const held = world.call();
  await world.pass(2_500);
  t.is(held.why, undefined);
  await world.pass(1_000);
  t.is(held.why, 'refused');
  t.deepEqual(verdicts(world), ['accept by warden']);
  const next = world.call();
  await world.pass(50);
  t.is(next.why, 'refused');
  t.is(world.kinds('queued').length, 1);
  // When it goes on its heart beats again, and SYNs are queued for it.
  world.process.resume();
  await world.pass(1_100);
  world.call();
  await world.pass(50);
  t.is(world.kinds('queued').length, 2);
});

test('a daemon that goes on in time finds what came meanwhile, and nothing was let go', async (t) => {
  const world = new TwoHosts();
  await world.intercept();
  world.server.listen(world.backend);
  world.place(() => world.backend);
  world.process.pause();
  const caller = world.call();
  await world.pass(2_000);
  t.deepEqual(caller.told, []);
  world.process.resume();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected']);
  t.deepEqual(verdicts(world), ['accept by daemon']);
  // It was held all the time, so it was not sent again.
  t.is(caller.synsMs.length, 1);
});

test('a daemon that beats but never decides is not bypassed: deciding is its own business', async (t) => {
  const world = await holding();
  const held = world.call();
  await world.pass(20_000);
  t.is(held.why, undefined);
  t.deepEqual(verdicts(world), []);
});

test('a daemon that goes on after the warden decided is not told of what is gone', async (t) => {
  const world = new TwoHosts();
  await world.intercept();
  const queue = world.ports.queues.open(PLAN.firstQueue);
  const syns: number[] = [];
  queue.receive((batch) => syns.push(...batch.map(({ id }) => id)));
  await world.pass(1_100);
  world.process.pause();
  world.call();
  await world.pass(4_000);
  world.process.resume();
  await world.pass(100);
  t.deepEqual(syns, []);
  t.deepEqual(queue.outstanding(), []);
});

test('a queue spreads over several when the plan says so', async (t) => {
  const world = new TwoHosts();
  const { addressSet, firewall, queues } = world.ports;
  const plan = { ...PLAN, queues: 2 };
  addressSet.replace(plan.ipset, [], () => {});
  firewall.ensure(plan, () => {});
  await world.pass(500);
  world.client.sets.add(plan.ipset, [0x0a0102031388 as never]);
  for (const number of [50, 51]) queues.open(number).receive(() => {});
  for (let i = 0; i < 40; i += 1) world.call();
  await world.pass(100);
  const numbers = new Set(world.happened.flatMap((one) => (one.kind === 'queued' ? [one.queue] : [])));
  t.deepEqual([...numbers].sort(), [50, 51]);
});
