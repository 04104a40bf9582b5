import test from 'ava';
import { supervisor } from '../../../src/actors/supervision/supervisor.js';
import type { ActorMonitor } from '../../../src/actors/supervision/system.js';
import { startSystem } from '../../../src/actors/supervision/system.js';
import { ActorWorld, call, crash, note } from '../../support/actor-world.js';
import { quiet } from '../../support/quiet.js';

test('a supervisor whose intensity is exceeded is a crash to its own, which restarts all of it', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const inner = supervisor('inner', { strategy: 'one-for-one', intensity: { restarts: 1, withinMs: 1000 } }, [
    a,
    world.actor('b'),
  ]);
  const root = supervisor('root', { strategy: 'one-for-one' }, [inner, world.actor('c')]);
  const system = await world.start(root);
  world.news();

  a.mailbox.send(crash('first'));
  a.mailbox.send(crash('second'));
  a.mailbox.send(note('kept'));
  await quiet(system);

  t.is(world.news(), 'a-1 a+2 a-2 b-1 a+3 b+2 a:kept');
  const [escalated] = world.log.named('supervisor-escalated');
  t.is(escalated?.level, 'error');
  t.like(escalated?.fields, { supervisor: 'root/inner', actor: 'root/inner/a', error: 'second' });
  t.deepEqual(
    world.log.named('actor-restarted').map(({ fields }) => [fields.actor, fields.began]),
    [
      ['root/inner/a', undefined],
      ['root/inner', 'root/inner/a'],
    ],
  );
  t.deepEqual(
    [...system.restarts],
    [
      ['root/inner/a', 1],
      ['root/inner', 1],
    ],
  );

  // The restarted supervisor has its whole intensity again.
  a.mailbox.send(crash('third'));
  await quiet(system);
  t.is(world.news(), 'a-3 a+4');
  t.deepEqual(world.exits, []);
});

test('crashes further apart than the window never escalate', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const system = await world.start(
    supervisor('root', { strategy: 'one-for-one', intensity: { restarts: 1, withinMs: 1000 } }, [a]),
  );
  for (let index = 0; index < 20; index += 1) {
    a.mailbox.send(crash());
    await quiet(system);
    world.time.advance(1001);
  }
  t.is(system.restarts.get('root/a'), 20);
  t.deepEqual(world.exits, []);
});

test('5 restarts in 10 seconds are granted by default; the sixth crash ends the system, once, after everything', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b');
  const root = supervisor('root', { strategy: 'one-for-one' }, [world.actor('z'), a, b]);
  const system = startSystem(root, {
    name: 'test',
    clock: world.time,
    timers: world.time,
    log: world.log,
    onExit: (reason) => {
      world.journal.push('exit');
      world.exits.push(reason);
      t.is(system.inFlight(), 0);
    },
  });
  for (let index = 1; index <= 5; index += 1) a.mailbox.send(crash(`crash ${index}`));
  await quiet(system);
  t.deepEqual(world.exits, []);
  world.news();

  a.mailbox.send(crash('crash 6'));
  a.mailbox.send(note('never'));
  await quiet(system);

  t.is(world.news(), 'a-6 b-1 z-1 exit');
  t.is(world.exits.length, 1);
  t.like(world.exits[0], { kind: 'escalated', path: 'root/a' });
  t.is(world.exits[0]?.error.message, 'crash 6');
  t.deepEqual(system.dropped, { overflow: 0, ended: 1 });
  t.is(world.time.pending, 0);

  a.mailbox.send(note('too late'));
  t.deepEqual(system.dropped, { overflow: 0, ended: 2 });
  t.is(system.inFlight(), 0);
  let done = 0;
  system.stop(() => {
    done += 1;
  });
  t.is(done, 1);
});

test('an actor that always crashes in init ends the system, whatever stands in between', async (t) => {
  const world = new ActorWorld();
  const hopeless = world.actor('hopeless', {
    init: () => {
      throw new Error('no such device');
    },
  });
  const intensity = { restarts: 1, withinMs: 1000 };
  const inner = supervisor('inner', { strategy: 'rest-for-one', intensity }, [world.actor('a'), hopeless]);
  await world.start(supervisor('root', { strategy: 'one-for-all', intensity }, [world.actor('z'), inner]));
  t.is(world.news(), 'z+1 a+1 hopeless+1 hopeless+2 a-1 z-1 z+2 a+2 hopeless+3 hopeless+4 a-2 z-2');
  t.like(world.exits, [{ kind: 'escalated', path: 'root/inner/hopeless' }]);
  t.is(world.exits.length, 1);
});

test('stop waits for nothing, drops what waits, and calls everybody who asked', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(call((self) => self.sendAfter(5, note('timer'))));
  await quiet(system);
  t.is(world.time.pending, 1);
  world.news();

  let done = 0;
  system.stop(() => {
    done += 1;
  });
  system.stop(() => {
    done += 1;
  });
  a.mailbox.send(note('behind the stop'));
  t.is(done, 0);
  await quiet(system);

  t.is(done, 2);
  t.is(world.news(), 'a-1');
  t.deepEqual(system.dropped, { overflow: 0, ended: 1 });
  t.is(world.time.pending, 0);
});

test('a handler may stop the system that it runs in', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  const stopped = new Promise<void>((resolve) => {
    a.mailbox.send(call(() => system.stop(resolve)));
  });
  await stopped;
  t.is(world.news(), 'a+1 a-1');
});

test('two systems of one name do not touch each other', async (t) => {
  const one = new ActorWorld();
  const two = new ActorWorld();
  const a = one.actor('a');
  const b = two.actor('a');
  const first = await one.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  const second = await two.start(supervisor('root', { strategy: 'one-for-one' }, [b]));
  await new Promise<void>((resolve) => first.stop(resolve));
  b.mailbox.send(note('alive'));
  await quiet(second);
  t.is(two.news(), 'a+1 a:alive');
});

const faults: readonly { what: string; monitor: ActorMonitor; happens: string }[] = [
  {
    what: 'before its handler, so that the message has no effect',
    monitor: { beforeMessage: (_path, message) => failAt(message, 'm3') },
    happens: 'a+1 a:m1 a:m2 a-1 a+2 a:m4 a:m5',
  },
  {
    what: 'after its handler, so that the effects stand',
    monitor: { afterMessage: (_path, message) => failAt(message, 'm3') },
    happens: 'a+1 a:m1 a:m2 a:m3 a-1 a+2 a:m4 a:m5',
  },
];

function failAt(message: unknown, what: string): void {
  if ((message as { what?: string }).what === what) throw new Error('injected');
}

for (const { what, monitor, happens } of faults) {
  test(`a monitor can crash an actor at a message, ${what}`, async (t) => {
    const world = new ActorWorld();
    const a = world.actor('a');
    const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]), monitor);
    for (let index = 1; index <= 5; index += 1) a.mailbox.send(note(`m${index}`));
    await quiet(system);
    t.is(world.news(), happens);
    t.is(world.log.named('actor-restarted')[0]?.fields.error, 'injected');
  });
}

test('a crash after the effects loses the new state', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  let thrown = false;
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]), {
    afterMessage: () => {
      if (thrown) return;
      thrown = true;
      throw new Error('injected');
    },
  });
  a.mailbox.send(note('x'));
  await quiet(system);
  t.is(world.news(), 'a+1 a:x a-1 a+2');
});

test('the monitor hears of every message sent, and when nothing is in flight any more', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b');
  const sent: string[] = [];
  let settled = 0;
  a.mailbox.send(note('early'));
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a, b]), {
    sent: (path) => sent.push(path),
    settled: () => {
      settled += 1;
    },
  });
  t.deepEqual(sent, ['root/a']);
  t.is(settled, 1);

  a.mailbox.send(call(() => b.mailbox.send(crash())));
  a.mailbox.send(note('x'));
  t.is(system.inFlight(), 2);
  await quiet(system);
  t.deepEqual(sent, ['root/a', 'root/a', 'root/a', 'root/b']);
  // Once, though for a while only a crash that awaited its decision was in flight.
  t.is(settled, 2);
  t.true(world.journal.includes('b+2'));
});

test('an abandoned system handles nothing more, tells nobody and has nothing in flight', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a, b]));
  world.news();
  a.mailbox.send(note('before'));
  a.mailbox.send(
    call(() => {
      b.mailbox.send(note('never'));
      system.abandon();
    }),
  );
  a.mailbox.send(note('never'));
  b.mailbox.send(crash('never'));
  await quiet(system);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  a.mailbox.send(note('never'));
  t.is(world.news(), 'a:before');
  t.is(system.inFlight(), 0);
  t.deepEqual(world.exits, []);
  system.stop(() => t.pass());
  t.plan(4);
});
