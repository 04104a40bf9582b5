import test from 'ava';
import { actor } from '../../../src/actors/supervision/actor.js';
import { supervisor } from '../../../src/actors/supervision/supervisor.js';
import { startSystem } from '../../../src/actors/supervision/system.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { HostClock } from '../../../src/sim/engine/host-clock.js';
import { Process } from '../../../src/sim/engine/process.js';
import { RecordingLog } from '../../support/recording-log.js';

test('time passes from event to event and ends where it was told to', async (t) => {
  const engine = new Engine(1);
  const lane = engine.lane('a');
  const seen: number[] = [];
  const tick = (): void => {
    seen.push(engine.nowMs);
    if (seen.length < 3) lane.after(10, tick);
  };
  lane.after(5, tick);
  lane.after(1_000, tick);
  await engine.run(100);
  t.deepEqual(seen, [5, 15, 25]);
  t.is(engine.nowMs, 100);
  await engine.run(1_000);
  t.is(seen.at(-1), 1_000);
});

test('the order within an instant depends on the seed and on nothing else', async (t) => {
  const orderOf = async (seed: number, others: number): Promise<string> => {
    const engine = new Engine(seed);
    for (let other = 0; other < others; other += 1) engine.lane(`other ${other}`).after(1, () => {});
    let order = '';
    for (const name of 'abcdefgh') engine.lane(name).after(1, () => (order += name));
    await engine.run(1);
    return order;
  };
  const first = await orderOf(1, 0);
  t.is(await orderOf(1, 0), first);
  t.is(await orderOf(1, 5), first);
  const orders = await Promise.all([2, 3, 4, 5].map((seed) => orderOf(seed, 0)));
  t.true(new Set([first, ...orders]).size >= 4);
});

test('time stands still until every message is handled', async (t) => {
  const engine = new Engine(1);
  const lane = engine.lane('host');
  const clock = new HostClock(engine, 0);
  const process = new Process(engine, lane, clock);
  const handled: [number, number][] = [];
  const relay = actor<number, undefined>('relay', {
    init: () => undefined,
    handle: (_state, hops, self) => {
      handled.push([hops, clock.nowMs()]);
      if (hops > 0) self.mailbox.send(hops - 1);
      return undefined;
    },
  });
  const system = startSystem(supervisor('root', { strategy: 'one-for-one' }, [relay]), {
    name: 'test',
    clock,
    timers: process,
    log: new RecordingLog(),
    onExit: ({ error }) => {
      throw error;
    },
  });
  process.actors = system;
  engine.touch(system);
  lane.after(10, () => process.enter(() => relay.mailbox.send(50)));
  lane.after(10.001, () => process.enter(() => relay.mailbox.send(0)));
  const quietAt: number[] = [];
  engine.watch(() => quietAt.push(handled.length));
  await engine.run(20);
  t.is(handled.length, 52);
  t.true(handled.slice(0, 51).every(([, atMs]) => atMs === 10));
  t.deepEqual(quietAt, [51, 52]);
});

test('actors that never come to rest are found out', async (t) => {
  const engine = new Engine(1);
  engine.touch({ inFlight: () => 1 });
  await t.throwsAsync(engine.run(1), { message: /never come to rest/ });
});

test('the hash tells what happened when, and in which order', async (t) => {
  const hashOf = async (...delays: number[]): Promise<string> => {
    const engine = new Engine(7);
    const lane = engine.lane('a');
    for (const delay of delays) lane.after(delay, () => {});
    await engine.run(10);
    return engine.hash.digest();
  };
  t.regex(await hashOf(1, 2), /^[0-9a-f]{16}$/);
  t.is(await hashOf(1, 2), await hashOf(1, 2));
  t.not(await hashOf(1, 2), await hashOf(2, 1));
  t.not(await hashOf(1, 2), await hashOf(1, 2.000001));
  t.not(await hashOf(1), await hashOf(1, 2));
});
