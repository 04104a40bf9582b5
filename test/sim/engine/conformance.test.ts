import test from 'ava';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Process } from '../../../src/sim/engine/process.js';
import { RANDOM_CASES, TIME_CASES, type TimeSubject } from '../../conformance/time.js';

/** A process as it usually is, one on a slow machine, and one whose clock runs fast, or slow. */
const PROCESSES: readonly (readonly [name: string, slowness: number, rate: number])[] = [
  ['a process', 1, 1],
  ['a slow process', 100, 1],
  ['a process whose clock runs fast', 1, 1.01],
  ['a process whose clock runs slow', 1, 0.99],
];

function subject(slowness: number, rate: number): TimeSubject {
  const engine = new Engine(1);
  const host = new Host(engine, 0);
  const process = new Process(engine, host.lane, host.clock);
  process.slow(slowness);
  host.clock.drift(rate);
  return { clock: host.clock, timers: process, pass: (ms) => engine.run(engine.nowMs + ms) };
}

for (const [name, slowness, rate] of PROCESSES)
  for (const { title, run } of TIME_CASES)
    test(`clock and timers of ${name}: ${title}`, (t) => t.notThrowsAsync(run(subject(slowness, rate))));

for (const { title, run } of RANDOM_CASES) {
  const engine = new Engine(1);
  test(`streams of a seed: ${title}`, (t) =>
    t.notThrowsAsync(run({ stream: (purpose) => engine.stream(purpose) })));
}
