import test from 'ava';
import { type Strategy, supervisor } from '../../../src/actors/supervision/supervisor.js';
import { ActorWorld, call, crash, note } from '../../support/actor-world.js';
import { quiet } from '../../support/quiet.js';

const strategies: readonly { strategy: Strategy; crashes: string; happens: string }[] = [
  { strategy: 'one-for-one', crashes: 'a', happens: 'a-1 a+2' },
  { strategy: 'one-for-one', crashes: 'c', happens: 'c-1 c+2' },
  { strategy: 'one-for-all', crashes: 'a', happens: 'a-1 c-1 b-1 a+2 b+2 c+2' },
  { strategy: 'one-for-all', crashes: 'b', happens: 'b-1 c-1 a-1 a+2 b+2 c+2' },
  { strategy: 'rest-for-one', crashes: 'a', happens: 'a-1 c-1 b-1 a+2 b+2 c+2' },
  { strategy: 'rest-for-one', crashes: 'b', happens: 'b-1 c-1 b+2 c+2' },
  { strategy: 'rest-for-one', crashes: 'c', happens: 'c-1 c+2' },
];

for (const { strategy, crashes, happens } of strategies) {
  test(`${strategy}: when ${crashes} of a, b, c crashes, then ${happens}`, async (t) => {
    const world = new ActorWorld();
    const actors = ['a', 'b', 'c'].map((name) => world.actor(name));
    const system = await world.start(supervisor('root', { strategy }, actors));
    t.is(world.news(), 'a+1 b+1 c+1');

    actors.find(({ name }) => name === crashes)?.mailbox.send(crash('no luck'));
    await quiet(system);

    t.is(world.news(), happens);
    const [told, ...more] = world.log.named('actor-restarted');
    t.is(told?.level, 'warn');
    t.is(told?.fields.actor, `root/${crashes}`);
    t.is(told?.fields.error, 'no luck');
    t.regex(String(told?.fields.stack), /no luck\n.*at /s);
    t.deepEqual(more, []);
    const restarted = happens.split(' ').filter((event) => event.endsWith('+2'));
    t.deepEqual(
      [...system.restarts].sort(),
      restarted.map((event): [string, number] => [`root/${event.slice(0, 1)}`, 1]).sort(),
    );
  });
}

test('children start in order and stop in reverse, each terminated once, supervisors within supervisors', async (t) => {
  const world = new ActorWorld();
  const inner = supervisor('inner', { strategy: 'one-for-one' }, [world.actor('b'), world.actor('c')]);
  const root = supervisor('root', { strategy: 'one-for-one' }, [world.actor('a'), inner, world.actor('d')]);
  const system = await world.start(root);
  t.is(world.news(), 'a+1 b+1 c+1 d+1');
  await new Promise<void>((resolve) => system.stop(resolve));
  t.is(world.news(), 'd-1 c-1 b-1 a-1');
  t.is(system.inFlight(), 0);
  t.deepEqual(world.exits, []);
});

test('the message that crashed is lost, those behind it are handled in order by the next incarnation', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  for (const order of [note('1'), crash(), note('2'), note('3'), crash(), note('4')]) a.mailbox.send(order);
  await quiet(system);
  t.is(world.news(), 'a+1 a:1 a-1 a+2 a:2 a:3 a-2 a+3 a:4');
});

test('a sibling restarted along keeps the messages that wait for it', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b');
  const system = await world.start(supervisor('root', { strategy: 'one-for-all' }, [a, b]));
  world.news();
  a.mailbox.send(crash());
  // More than b handles before the supervisor's turn comes.
  for (let index = 0; index < 100; index += 1) b.mailbox.send(note(String(index)));
  await quiet(system);
  const notes = world.journal.filter((event) => event.startsWith('b:'));
  t.deepEqual(
    notes,
    Array.from({ length: 100 }, (_, index) => `b:${index}`),
  );
  t.true(world.journal.includes('b+2'));
  t.true(world.journal.indexOf('b+2') < world.journal.indexOf('b:99'));
});

test('messages sent before the system starts wait for it', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  a.mailbox.send(note('early'));
  await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  t.is(world.news(), 'a+1 a:early');
});

test('two siblings that crash before the supervisor decides are one restart of the group', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b');
  const system = await world.start(supervisor('root', { strategy: 'one-for-all' }, [a, b]));
  world.news();
  a.mailbox.send(crash());
  b.mailbox.send(crash());
  await quiet(system);
  t.is(world.news(), 'a-1 b-1 a+2 b+2');
  t.is(world.log.named('actor-restarted').length, 1);
});

test('an actor that crashes in init is started again, and its later siblings wait for it', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a', {
    init: (incarnation) => {
      if (incarnation < 3) throw new Error(`init ${incarnation}`);
    },
  });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a, world.actor('b')]));
  t.is(world.news(), 'a+1 a+2 a+3 b+1');
  t.is(system.restarts.get('root/a'), 2);
  t.deepEqual(
    world.log.named('actor-restarted').map(({ fields }) => fields.error),
    ['init 1', 'init 2'],
  );
});

test('an actor that crashes in init while a group restarts is the next crash of that group', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const b = world.actor('b', {
    init: (incarnation) => {
      if (incarnation === 2) throw new Error('second init');
    },
  });
  const system = await world.start(supervisor('root', { strategy: 'one-for-all' }, [a, b, world.actor('c')]));
  world.news();
  a.mailbox.send(crash());
  await quiet(system);
  t.is(world.news(), 'a-1 c-1 b-1 a+2 b+2 a-2 a+3 b+3 c+2');
});

test('a crash in terminate is told, and stopping goes on', async (t) => {
  const world = new ActorWorld();
  const failing = {
    terminate: () => {
      throw new Error('stuck');
    },
  };
  const a = world.actor('a', failing);
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [world.actor('z'), a]));
  a.mailbox.send(crash('first'));
  await quiet(system);
  await new Promise<void>((resolve) => system.stop(resolve));
  t.is(world.news(), 'z+1 a+1 a-1 a+2 a-2 z-1');
  t.deepEqual(
    world.log.named('actor-terminate-failed').map(({ level, fields }) => [level, fields.actor, fields.error]),
    [
      ['error', 'root/a', 'stuck'],
      ['error', 'root/a', 'stuck'],
    ],
  );
});

test('what an actor throws need not be an error', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a');
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  for (const thrown of ['text', undefined, Object.create(null)]) {
    a.mailbox.send(
      call(() => {
        throw thrown;
      }),
    );
  }
  await quiet(system);
  t.deepEqual(
    world.log.named('actor-restarted').map(({ fields }) => fields.error),
    ['text', 'something that is no Error (undefined)', 'something that is no Error (object)'],
  );
});

const wrong: readonly { what: string; build: (world: ActorWorld) => void; says: RegExp }[] = [
  {
    what: 'two siblings of one name',
    build: (world) => {
      supervisor('s', { strategy: 'one-for-one' }, [world.actor('a'), world.actor('a')]);
    },
    says: /two children of s have the same name/,
  },
];

for (const { what, build, says } of wrong) {
  test(`${what} is refused when the tree is described`, (t) => {
    t.throws(() => build(new ActorWorld()), { message: says });
  });
}

const misplaced: readonly { what: string; names: readonly string[]; twice?: boolean; says: RegExp }[] = [
  { what: 'an empty name', names: [''], says: /a child of root has an empty name/ },
  {
    what: 'one actor in two systems',
    names: ['a'],
    twice: true,
    says: /root has its place in a tree already/,
  },
];

for (const { what, names, twice, says } of misplaced) {
  test(`${what} is refused when the system starts`, async (t) => {
    const world = new ActorWorld();
    const actors = names.map((name) => world.actor(name));
    const root = supervisor('root', { strategy: 'one-for-one' }, actors);
    if (twice) await world.start(root);
    await t.throwsAsync(() => world.start(root), { message: says });
  });
}

test('names may hold what nact refuses, such as the colon of a VIP', async (t) => {
  const world = new ActorWorld();
  const vips = ['10.1.2.3:5000', '10.1.2.3$3a.5000', 'file:/etc/vips.yaml', 'Ünïcode name'].map((name) =>
    world.actor(name),
  );
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, vips));
  for (const { mailbox } of vips) mailbox.send(note('here'));
  await quiet(system);
  t.is(world.journal.filter((event) => event.endsWith(':here')).length, 4);
  t.is(vips[0]?.mailbox.path, 'root/10.1.2.3:5000');
});

test('a timer that fired before the crash, and still waits in the queue, does not reach the next incarnation', async (t) => {
  const world = new ActorWorld();
  const a = world.actor('a', {
    init: (incarnation, self) => {
      if (incarnation === 1) self.sendAfter(10, note('old timer'));
    },
  });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(crash());
  world.time.advance(10);
  a.mailbox.send(note('from outside'));
  await quiet(system);
  t.is(world.news(), 'a+1 a-1 a+2 a:from outside');
  t.is(system.inFlight(), 0);
});
