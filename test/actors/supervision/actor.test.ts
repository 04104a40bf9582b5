import test from 'ava';
import { supervisor } from '../../../src/actors/supervision/supervisor.js';
import { startSystem } from '../../../src/actors/supervision/system.js';
import type { Timer, Timers } from '../../../src/ports/time.js';
import { ActorWorld, call, crash, note } from '../../support/actor-world.js';
import { quiet } from '../../support/quiet.js';

test('a full mailbox drops the newest, counts each, and tells it once per burst', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a', {}, { mailboxLimit: 4 });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  for (let index = 1; index <= 7; index += 1) a.mailbox.send(note(String(index)));
  t.is(system.inFlight(), 4);
  await quiet(system);
  t.is(world.news(), 'a+1 a:1 a:2 a:3 a:4');
  t.deepEqual(system.dropped, { overflow: 3, ended: 0 });
  t.deepEqual(
    world.log.named('mailbox-overflow').map(({ level, fields }) => [level, fields]),
    [['warn', { actor: 'root/a', limit: 4 }]],
  );

  for (let index = 1; index <= 6; index += 1) a.mailbox.send(note(String(index)));
  await quiet(system);
  t.deepEqual(system.dropped, { overflow: 5, ended: 0 });
  t.is(world.log.named('mailbox-overflow').length, 2);
});

test('a heartbeat gets through a flood', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a', { init: (_, self) => self.sendAfter(10, note('beat')) }, { mailboxLimit: 2 });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  for (let index = 0; index < 5; index += 1) a.mailbox.send(note('flood'));
  world.time.advance(10);
  await quiet(system);
  t.is(world.news(), 'a+1 a:flood a:flood a:beat');
});

test('a timer sends its message once, when it is due, unless it was cancelled', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a', {
    init: (_, self) => {
      self.sendAfter(20, note('late'));
      self.sendAfter(10, note('early'));
      self.sendAfter(15, note('cancelled')).cancel();
    },
  });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  t.is(world.time.pending, 2);
  world.time.advance(19);
  await quiet(system);
  t.is(world.news(), 'a+1 a:early');
  world.time.advance(1000);
  await quiet(system);
  t.is(world.news(), 'a:late');
  t.is(world.time.pending, 0);
});

test('a message whose timer is cancelled while it waits in the mailbox is not handled', async (t) => {
  const world = new ActorWorld();
  const timers: Timer[] = [];
  const a = world.actor('a', {
    init: (_, self) => {
      for (const text of ['one', 'two', 'three']) timers.push(self.sendAfter(10, note(text)));
    },
  });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  world.time.advance(10);
  t.is(system.inFlight(), 3);
  timers[1]!.cancel();
  timers[1]!.cancel();
  await quiet(system);
  timers[0]!.cancel();
  t.is(world.news(), 'a+1 a:one a:three');
  t.is(system.inFlight(), 0);
});

test('timers die with their incarnation', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a', { init: (n, self) => self.sendAfter(10, note(`timer of ${n}`)) });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(crash());
  await quiet(system);
  t.is(world.time.pending, 1);
  world.time.advance(100);
  await quiet(system);
  t.is(world.news(), 'a+1 a-1 a+2 a:timer of 2');
});

test('timers set by an init that crashed, or after the end of an incarnation, never fire', async (t) => {
  const world = new ActorWorld();
  const selves: (() => void)[] = [];
  const a = world.actor('a', {
    init: (n, self) => {
      self.sendAfter(10, note(`timer of ${n}`));
      selves.push(() => self.sendAfter(10, note(`afterthought of ${n}`)));
      if (n === 1) throw new Error('init');
    },
    terminate: (n) => selves[n - 1]?.(),
  });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(crash());
  await quiet(system);
  for (const afterthought of selves) afterthought();
  world.time.advance(100);
  await quiet(system);
  t.is(world.news(), 'a+1 a+2 a-2 a+3 a:timer of 3 a:afterthought of 3');
});

test('a timer of an old incarnation is ignored even if the port fires it in spite of its cancellation', async (t) => {
  const world = new ActorWorld();
  const fires: (() => void)[] = [];
  const careless: Timers = {
    start: (_delayMs, fire): Timer => {
      fires.push(fire);
      return { cancel: () => undefined };
    },
  };
  const a = world.actor('a', { init: (n, self) => self.sendAfter(10, note(`timer of ${n}`)) });
  const root = supervisor('root', { strategy: 'one-for-one' }, [a]);
  const system = startSystem(root, {
    name: 'test',
    clock: world.time,
    timers: careless,
    log: world.log,
    onExit: () => t.fail(),
  });
  a.mailbox.send(crash());
  await quiet(system);
  for (const fire of [...fires, ...fires]) fire();
  await quiet(system);
  t.is(world.news(), 'a+1 a-1 a+2 a:timer of 2');
});

test('a flooded actor leaves the others their turns', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a, b]));
  for (let index = 0; index < 1000; index += 1) a.mailbox.send(note(String(index)));
  b.mailbox.send(note('mine'));
  await quiet(system);
  t.true(world.journal.indexOf('b:mine') < world.journal.indexOf('a:100'));
  t.is(world.journal.length, 2 + 1001);
});

test('an actor that sends to itself handles one message at a time, in order', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(
    call((self) => {
      self.mailbox.send(note('second'));
      self.mailbox.send(note('third'));
      world.journal.push('a:first');
    }),
  );
  await quiet(system);
  t.is(world.news(), 'a+1 a:first a:second a:third');
});
