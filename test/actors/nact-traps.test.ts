import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { dispatch, query, type Ref, spawn, spawnStateless, start, stop } from 'nact';
import { actor, type Mailbox } from '../../src/actors/supervision/actor.js';
import { supervisor } from '../../src/actors/supervision/supervisor.js';
import { ActorWorld, call, crash, note, type Order } from '../support/actor-world.js';
import { quiet } from '../support/quiet.js';

// Each test shows a trap on bare nact first, so that we notice when nact changes, and then that actors under
// our supervision do not fall into it.

let systems = 0;

function bareSystem(): Ref<never> {
  systems += 1;
  return start({ name: `bare${systems}` } as unknown as string);
}

/** nact's `afterStop` and its decisions come some turns after a fault. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
}

/** nact's default policy prints; the test is not about that. */
async function unprinted(act: () => Promise<void>): Promise<void> {
  const { log } = console;
  console.log = () => undefined;
  try {
    await act();
  } finally {
    console.log = log;
  }
}

async function supervised(...names: string[]) {
  const world = new ActorWorld();
  const actors = names.map((name) => world.actor(name));
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, actors));
  world.news();
  return {
    world,
    system,
    actors: actors.map(({ mailbox }) => mailbox) as [Mailbox<Order>, ...Mailbox<Order>[]],
  };
}

test.serial(
  'nact: a crash stops the actor, and messages to it vanish; ours is restarted and handles them',
  async (t) => {
    const seen: number[] = [];
    await unprinted(async () => {
      const bare = spawn(
        bareSystem(),
        (state: null, message: number) => {
          if (message === 1) throw new Error('crash');
          seen.push(message);
          return state;
        },
        'a',
        { initialState: null },
      );
      for (const message of [0, 1, 2]) dispatch(bare, message);
      await settled();
      dispatch(bare, 3);
      await settled();
    });
    t.deepEqual(seen, [0]);

    const { world, system, actors } = await supervised('a');
    for (const order of [note('0'), crash(), note('2')]) actors[0].send(order);
    await quiet(system);
    actors[0].send(note('3'));
    await quiet(system);
    t.is(world.news(), 'a:0 a-1 a+2 a:2 a:3');
  },
);

test.serial('nact: spawnStateless ignores onCrash; ours always asks the supervisor', async (t) => {
  let asked = 0;
  await unprinted(async () => {
    const bare = spawnStateless(
      bareSystem(),
      () => {
        throw new Error('crash');
      },
      'a',
      {
        onCrash: (_message, _error, context) => {
          asked += 1;
          return context.stop;
        },
      },
    );
    dispatch(bare, 1);
    await settled();
  });
  t.is(asked, 0);

  const { world, system, actors } = await supervised('a');
  actors[0].send(crash());
  await quiet(system);
  t.is(world.log.named('actor-restarted').length, 1);
});

test.serial(
  'nact: query, shutdownAfter and actors without a name use real timers and randomness; ours never do',
  async (t) => {
    const { random } = Math;
    const { setTimeout } = globalThis;
    let drawn = 0;
    let timed = 0;
    Math.random = () => {
      drawn += 1;
      return random();
    };
    globalThis.setTimeout = ((run: () => void, delayMs?: number) => {
      timed += 1;
      return setTimeout(run, delayMs);
    }) as typeof setTimeout;
    try {
      const root = bareSystem();
      spawn(root, (state: null) => state);
      t.is(drawn, 1);
      spawn(root, (state: null) => state, 'a', { shutdownAfter: 1 });
      t.is(timed, 1);
      const b = spawn(root, (_state: null, { asker }: { asker: Ref<number> }) => dispatch(asker, 1), 'b');
      await query(b, (asker: Ref<number>) => ({ asker }), 1000);
      t.is(timed, 2);

      drawn = 0;
      timed = 0;
      const { world, system, actors } = await supervised('a');
      actors[0].send(call((self) => self.sendAfter(10, note('timer'))));
      actors[0].send(crash());
      await quiet(system);
      t.is(world.news(), 'a-1 a+2');
      await new Promise<void>((resolve) => system.stop(resolve));
      t.is(drawn, 0);
      t.is(timed, 0);
    } finally {
      Math.random = random;
      globalThis.setTimeout = setTimeout;
    }
  },
);

test('nact: reset keeps the mailbox but loses the message that crashed; so do we, and we say which actor', async (t) => {
  const seen: number[] = [];
  const bare = spawn(
    bareSystem(),
    (state: null, message: number) => {
      if (message === 1) throw new Error('crash');
      seen.push(message);
      return state;
    },
    'a',
    { initialState: null, onCrash: (_message, _error, context) => context.reset },
  );
  for (const message of [0, 1, 2]) dispatch(bare, message);
  await settled();
  t.deepEqual(seen, [0, 2]);

  const { world, system, actors } = await supervised('a');
  for (const order of [note('0'), crash('at 1'), note('2')]) actors[0].send(order);
  await quiet(system);
  t.is(world.news(), 'a:0 a-1 a+2 a:2');
  t.like(world.log.named('actor-restarted')[0]?.fields, { actor: 'root/a', error: 'at 1' });
});

test('nact: a handler that returns nothing erases its state; ours must return one, and a crash never erases it before terminate', async (t) => {
  const states: unknown[] = [];
  const bare = spawn(
    bareSystem(),
    (state: unknown): unknown => {
      states.push(state);
      return undefined;
    },
    'a',
    { initialState: 'precious' },
  );
  dispatch(bare, 1);
  dispatch(bare, 2);
  await settled();
  t.deepEqual(states, ['precious', undefined]);

  const terminated: string[] = [];
  // @ts-expect-error A handler without a result is no Behavior.
  actor<number, string>('typed', { init: () => 'precious', handle: () => undefined });
  const a = actor<number, string>('a', {
    init: () => 'precious',
    handle: () => {
      throw new Error('crash');
    },
    terminate: (state) => terminated.push(state),
  });
  const system = await new ActorWorld().start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(1);
  await quiet(system);
  t.deepEqual(terminated, ['precious']);
});

test("nact: the parent's answer resume to an escalated crash leaves the child busy for ever; ours goes on", async (t) => {
  const seen: number[] = [];
  const root = bareSystem();
  const parent = spawn(root, (state: null) => state, 'parent', {
    initialState: null,
    onCrash: (_message, _error, context) => context.resume,
  });
  const child = spawn(
    parent,
    (state: null, message: number) => {
      if (message === 0) throw new Error('crash');
      seen.push(message);
      return state;
    },
    'child',
    { initialState: null, onCrash: (_message, _error, context) => context.escalate },
  );
  for (const message of [0, 1, 2]) dispatch(child, message);
  await settled();
  t.deepEqual(seen, []);

  const { world, system, actors } = await supervised('a');
  for (const order of [crash(), note('1'), note('2')]) actors[0].send(order);
  await quiet(system);
  t.is(world.news(), 'a-1 a+2 a:1 a:2');
});

test('nact: resume after an escalation makes the parent run two messages at once; our supervisors take whole turns', async (t) => {
  let running = 0;
  let most = 0;
  const root = bareSystem();
  const parent = spawn(
    root,
    async (state: null) => {
      running += 1;
      most = Math.max(most, running);
      await settled();
      running -= 1;
      return state;
    },
    'parent',
    { initialState: null, onCrash: (_message, _error, context) => context.resume },
  );
  const child = spawn(
    parent,
    () => {
      throw new Error('crash');
    },
    'child',
    { onCrash: (_message, _error, context) => context.escalate },
  );
  for (const message of [1, 2, 3]) dispatch(parent, message as never);
  dispatch(child, 0 as never);
  for (let round = 0; round < 6; round += 1) await settled();
  t.is(most, 2);

  const { world, system, actors } = await supervised('a', 'b');
  for (const mailbox of actors) mailbox.send(crash());
  await quiet(system);
  t.is(world.news(), 'a-1 b-1 a+2 b+2');
});

test('nact: stop and then throw runs afterStop twice; our terminate runs once, also when the handler stops the system and throws', async (t) => {
  let stops = 0;
  await unprinted(async () => {
    const bare: Ref<number> = spawn(
      bareSystem(),
      () => {
        stop(bare);
        throw new Error('crash');
      },
      'a',
      {
        afterStop: () => {
          stops += 1;
        },
      },
    );
    dispatch(bare, 1);
    await settled();
  });
  t.is(stops, 2);

  const { world, system, actors } = await supervised('a');
  let done = 0;
  actors[0].send(
    call(() => {
      system.stop(() => {
        done += 1;
      });
      throw new Error('crash');
    }),
  );
  await quiet(system);
  t.is(done, 1);
  t.regex(world.news(), /^a-1( a\+2 a-2)?$/);
});

test('nact: stopping an actor loses the message it had taken out already; ours keeps all that was not handled', async (t) => {
  let rescued: unknown[] = [];
  const bare = spawn(bareSystem(), (state: null) => state, 'a', {
    initialState: null,
    afterStop: (_state, context) => {
      rescued = context.mailbox;
    },
  });
  for (const message of [1, 2, 3]) dispatch(bare, message as never);
  stop(bare);
  await settled();
  t.is(rescued.length, 2);

  const world = new ActorWorld();
  const [a, b] = [world.actor('a'), world.actor('b')];
  const system = await world.start(supervisor('root', { strategy: 'one-for-all' }, [a, b]));
  a.mailbox.send(crash());
  await setImmediate();
  for (const what of ['1', '2', '3']) b.mailbox.send(note(what));
  await quiet(system);
  t.deepEqual(
    world.journal.filter((event) => event.startsWith('b:')),
    ['b:1', 'b:2', 'b:3'],
  );
});

test('nact: stopping a parent leaves its children running, out of reach; ours stops them first', async (t) => {
  let handled = 0;
  const root = bareSystem();
  const parent = spawn(root, (state: null) => state, 'parent', { initialState: null });
  const child = spawn(
    parent,
    (state: null) => {
      handled += 1;
      return state;
    },
    'child',
    { initialState: null },
  );
  dispatch(child, 1 as never);
  stop(parent);
  dispatch(child, 2 as never);
  await settled();
  t.is(handled, 1);

  const { world, system, actors } = await supervised('a');
  system.stop(() => undefined);
  actors[0].send(note('behind the stop'));
  await quiet(system);
  t.is(world.news(), 'a-1');
});

test('nact: an initial state that throws lets messages be handled without a state first; ours is never handled before init', async (t) => {
  const states: unknown[] = [];
  await unprinted(async () => {
    const bare = spawn(
      bareSystem(),
      (state: unknown) => {
        states.push(state);
        return state;
      },
      'a',
      {
        initialStateFunc: () => {
          throw new Error('init');
        },
        // A policy that takes its time, to wait before it restarts for instance.
        onCrash: async (_message, _error, context) => {
          await settled();
          return context.stop;
        },
      },
    );
    dispatch(bare, 1 as never);
    await settled();
    await settled();
  });
  t.deepEqual(states, [undefined]);

  const world = new ActorWorld();
  const a = world.actor('a', {
    init: (incarnation) => {
      if (incarnation === 1) throw new Error('init');
    },
  });
  a.mailbox.send(note('1'));
  await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  t.is(world.news(), 'a+1 a+2 a:1');
});

test('nact: a reference reaches whoever has the name now; our timers and supervisors tell incarnations apart', async (t) => {
  const seen: string[] = [];
  const root = bareSystem();
  const old = spawn(root, () => seen.push('old'), 'a');
  stop(old);
  spawn(root, () => seen.push('new'), 'a');
  dispatch(old, 1 as never);
  await settled();
  t.deepEqual(seen, ['new']);

  const world = new ActorWorld();
  const a = world.actor('a', { init: (n, self) => self.sendAfter(5, note(`timer of ${n}`)) });
  const system = await world.start(supervisor('root', { strategy: 'one-for-one' }, [a]));
  a.mailbox.send(crash());
  await quiet(system);
  world.time.advance(10);
  await quiet(system);
  t.is(world.news(), 'a+1 a-1 a+2 a:timer of 2');
});

test("nact: a second system of a name takes over the first one's actors; ours get names of their own", async (t) => {
  const seen: string[] = [];
  const first = start({ name: 'twin' } as unknown as string);
  const a = spawn(first, () => seen.push('first'), 'a');
  start({ name: 'twin' } as unknown as string);
  dispatch(a, 1 as never);
  await settled();
  t.deepEqual(seen, []);

  const one = await supervised('a');
  const two = await supervised('a');
  one.actors[0].send(note('one'));
  two.actors[0].send(note('two'));
  await quiet(one.system);
  await quiet(two.system);
  t.is(one.world.news(), 'a:one');
  t.is(two.world.news(), 'a:two');
});

test('nact: Ref<A> is assignable to Ref<B>; a Mailbox is not, where it would take less', (t) => {
  interface Narrow {
    readonly kind: 'narrow';
  }
  interface Wide {
    readonly kind: 'narrow' | 'other';
  }
  const bare: Ref<Narrow> = spawn(bareSystem(), (state: null, _message: Narrow) => state, 'a');
  const wrong: Ref<Wide> = bare;
  t.is<unknown, unknown>(wrong, bare);

  const narrow = actor<Narrow, null>('a', { init: () => null, handle: (state) => state });
  // @ts-expect-error It would be sent what its actor does not understand.
  const refused: Mailbox<Wide> = narrow.mailbox;
  const wide = actor<Wide, null>('b', { init: () => null, handle: (state) => state });
  const allowed: Mailbox<Narrow> = wide.mailbox;
  t.not<unknown, unknown>(refused, allowed);
});
