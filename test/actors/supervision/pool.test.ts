import { performance } from 'node:perf_hooks';
import test from 'ava';
import { pool } from '../../../src/actors/supervision/pool.js';
import { supervisor } from '../../../src/actors/supervision/supervisor.js';
import { ActorWorld, call, crash, note } from '../../support/actor-world.js';
import { quiet } from '../../support/quiet.js';

function oneForOne(...children: Parameters<typeof supervisor>[2][number][]) {
  return supervisor('root', { strategy: 'one-for-one' }, children);
}

test('children come and go by request, from before the start and from any handler', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const a = world.actor('a');
  const b = world.actor('b');
  const owner = world.actor('owner', {
    init: () => {
      p.start([b]);
      b.mailbox.send(note('welcome'));
    },
  });
  p.start([a]);
  const system = await world.start(oneForOne(owner, p));
  t.is(world.news(), 'owner+1 a+1 b+1 b:welcome');
  t.is(b.mailbox.path, 'root/pool/b');
  t.deepEqual(p.names(), ['a', 'b']);

  owner.mailbox.send(call(() => p.stop(['a', 'nobody'])));
  await quiet(system);
  t.is(world.news(), 'a-1');
  t.deepEqual(p.names(), ['b']);
  a.mailbox.send(note('gone'));
  t.deepEqual(system.dropped, { overflow: 0, ended: 1 });
  t.is(system.inFlight(), 0);
});

test('a child of a name that is there already takes its place', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const old = world.actor('a');
  const system = await world.start(oneForOne(p));
  p.start([old]);
  await quiet(system);
  const other = world.actor('a', { init: () => world.journal.push('other') });
  p.start([other]);
  old.mailbox.send(note('lost'));
  await quiet(system);
  t.is(world.news(), 'a+1 a-1 a+1 other');
  t.deepEqual(system.dropped, { overflow: 0, ended: 1 });
});

test('a child that is taken back before the pool came to start it never runs', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const a = world.actor('a');
  const b = world.actor('b');
  const system = await world.start(oneForOne(p));
  p.start([a, b]);
  a.mailbox.send(note('lost'));
  p.stop(['a']);
  await quiet(system);
  t.is(world.news(), 'b+1');
  t.deepEqual(system.dropped, { overflow: 0, ended: 1 });
});

test('a crashed child is restarted alone, with the messages that wait for it', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const [a, b] = [world.actor('a'), world.actor('b')];
  const system = await world.start(oneForOne(p));
  p.start([a, b]);
  a.mailbox.send(crash());
  a.mailbox.send(note('kept'));
  await quiet(system);
  t.is(world.news(), 'a+1 b+1 a-1 a+2 a:kept');
  t.deepEqual([...system.restarts], [['root/pool/a', 1]]);
  p.stop(['a']);
  await quiet(system);
  t.deepEqual([...system.restarts], [], 'what left the tree is not counted for ever');
});

test('a child that crashes in init is tried again, and those behind it start all the same', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const a = world.actor('a', {
    init: (incarnation) => {
      if (incarnation < 3) throw new Error('not yet');
    },
  });
  const system = await world.start(oneForOne(p));
  p.start([a, world.actor('b')]);
  await quiet(system);
  t.is(world.news(), 'a+1 a+2 a+3 b+1');
});

test('restarts of all children count together; a pool that fails comes back with all of its children', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool', { intensity: { restarts: 1, withinMs: 1000 } });
  const [a, b] = [world.actor('a'), world.actor('b')];
  const system = await world.start(oneForOne(p, world.actor('z')));
  p.start([a, b]);
  await quiet(system);
  world.news();
  a.mailbox.send(crash());
  b.mailbox.send(crash());
  b.mailbox.send(note('kept'));
  await quiet(system);
  t.is(world.news(), 'a-1 b-1 a+2 a-2 a+3 b+2 b:kept');
  t.is(world.log.named('supervisor-escalated')[0]?.fields.supervisor, 'root/pool');
  t.is(system.restarts.get('root/pool'), 1);
  t.deepEqual(p.names(), ['a', 'b']);
});

test('requests made while the pool awaits its restart are carried out then', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool', { intensity: { restarts: 0, withinMs: 1000 } });
  const [a, b, c] = [world.actor('a'), world.actor('b'), world.actor('c')];
  const owner = world.actor('owner');
  const system = await world.start(oneForOne(owner, p));
  p.start([a, b]);
  await quiet(system);
  world.news();
  a.mailbox.send(crash());
  // Comes behind the pool's decision on the crash, before the root's on the pool.
  let hops = 0;
  const later = call((self) => {
    hops += 1;
    if (!world.journal.includes('b-1') && hops < 50) self.mailbox.send(later);
    else {
      p.stop(['b']);
      p.start([c]);
    }
  });
  owner.mailbox.send(later);
  await quiet(system);
  t.is(world.news(), 'a-1 b-1 a+2 c+1');
  t.is(system.inFlight(), 0);
});

test('a child may ask its own pool for more from its init', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const spawn = (depth: number): ReturnType<ActorWorld['actor']> =>
    world.actor(`a${depth}`, { init: () => depth < 3 && p.start([spawn(depth + 1)]) });
  p.start([spawn(1)]);
  const system = await world.start(oneForOne(p));
  t.is(world.news(), 'a1+1 a2+1 a3+1');
  t.is(system.inFlight(), 0);
});

test('what is asked of a pool after the system ended is dropped', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const system = await world.start(oneForOne(p));
  p.start([world.actor('a')]);
  await quiet(system);
  await new Promise<void>((resolve) => system.stop(resolve));
  const late = world.actor('late');
  p.start([late]);
  late.mailbox.send(note('x'));
  p.stop(['a']);
  t.is(system.inFlight(), 0);
  t.deepEqual(system.dropped, { overflow: 0, ended: 1 });
  t.is(world.news(), 'a+1 a-1');
});

test('supervisors may be children of a pool', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const a = world.actor('a');
  const system = await world.start(oneForOne(p));
  p.start([supervisor('pair', { strategy: 'one-for-all' }, [a, world.actor('b')])]);
  a.mailbox.send(crash());
  await quiet(system);
  t.is(world.news(), 'a+1 b+1 a-1 b-1 a+2 b+2');
  p.stop(['pair']);
  await quiet(system);
  t.is(world.news(), 'b-2 a-2');
});

test('10,000 children start, work and stop quickly', async (t) => {
  const world = new ActorWorld();
  const p = pool('pool');
  const system = await world.start(oneForOne(p));
  const actors = Array.from({ length: 10_000 }, (_, index) => world.actor(`10.0.0.1:${index}`));
  const names = actors.map(({ name }) => name);

  const timed = async (what: string, act: () => void): Promise<void> => {
    const beganMs = performance.now();
    act();
    await quiet(system);
    const tookMs = performance.now() - beganMs;
    t.log(`${what}: ${tookMs.toFixed(0)} ms`);
    t.true(tookMs < 5000, `${what} took ${tookMs} ms`);
  };
  await timed('start', () => p.start(actors));
  await timed('a message each', () => {
    for (const { mailbox } of actors) mailbox.send(note('x'));
  });
  await timed('a crash and its restart', () => actors[5000]?.mailbox.send(crash()));
  await timed('stop', () => p.stop(names));

  t.is(world.journal.filter((event) => event.endsWith(':x')).length, 10_000);
  t.is(world.journal.filter((event) => event.endsWith('-1') || event.endsWith('-2')).length, 10_001);
  t.deepEqual(p.names(), []);
});
