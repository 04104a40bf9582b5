import test from 'ava';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Process } from '../../../src/sim/engine/process.js';

function stage(): { engine: Engine; host: Host; process: Process; seen: string[]; note(what: string): void } {
  const engine = new Engine(1);
  const host = new Host(engine, 0);
  const seen: string[] = [];
  return {
    engine,
    host,
    process: new Process(engine, host.lane, host.clock),
    seen,
    note: (what) => seen.push(`${what}@${Math.round(engine.nowMs)}`),
  };
}

test('what reaches a running process happens at once', (t) => {
  const { process, seen, note } = stage();
  process.enter(() => note('a'));
  t.deepEqual(seen, ['a@0']);
});

test('a paused process finds everything when it goes on, in order, timers too', async (t) => {
  const { engine, process, seen, note } = stage();
  process.start(5, () => note('timer'));
  process.pause();
  process.enter(() => note('packet'));
  await engine.run(10);
  t.deepEqual(seen, []);
  process.resume();
  process.enter(() => note('later'));
  await engine.run(20);
  t.deepEqual(seen, ['packet@10', 'timer@10', 'later@10']);
});

test('a timer that is cancelled while its firing waits does not fire', async (t) => {
  const { engine, process, seen, note } = stage();
  const timer = process.start(5, () => note('timer'));
  process.pause();
  await engine.run(10);
  timer.cancel();
  process.resume();
  await engine.run(20);
  t.deepEqual(seen, []);
});

test('a killed process hears of nothing, and its kernel cleans up once', async (t) => {
  const { engine, process, seen, note } = stage();
  process.onEnd(() => note('clean'));
  process.start(5, () => note('timer'));
  process.pause();
  process.enter(() => note('packet'));
  process.end();
  process.end();
  process.resume();
  process.enter(() => note('late'));
  await engine.run(10);
  t.deepEqual(seen, ['clean@0']);
});

test('a slow process does one thing after the other', async (t) => {
  const { engine, process, seen, note } = stage();
  process.slow(100);
  for (const what of ['a', 'b', 'c']) process.enter(() => note(what));
  await engine.run(10);
  t.deepEqual(seen, ['a@0', 'b@2', 'c@4']);
  process.slow(1);
  process.enter(() => note('d'));
  t.is(seen.at(-1), 'd@10');
});

test("timers run by the host's clock, which may be fast, and never go off early by it", async (t) => {
  const { engine, host, process } = stage();
  host.clock.drift(2);
  const startedMs = host.clock.nowMs();
  let firedMs = 0;
  process.start(100, () => {
    firedMs = host.clock.nowMs();
  });
  await engine.run(49);
  t.is(firedMs, 0);
  await engine.run(51);
  t.true(firedMs - startedMs >= 100 && firedMs - startedMs < 100.1);
});

test('the wall clock jumps, the monotonic one does not', async (t) => {
  const { engine, host } = stage();
  const [nowMs, wallMs] = [host.clock.nowMs(), host.clock.wallMs()];
  host.clock.jump(-5_000);
  await engine.run(1_000);
  t.is(host.clock.nowMs() - nowMs, 1_000);
  t.is(host.clock.wallMs() - wallMs, -4_000);
});
