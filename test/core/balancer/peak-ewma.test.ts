import test from 'ava';
import fc from 'fast-check';
import { averageAfter, decayed } from '../../../src/core/balancer/peak-ewma.js';

const TAU_MS = 10_000;

test('the first sample is taken as it is', (t) => {
  t.is(averageAfter(undefined, 5, 3, TAU_MS), 3);
});

test('a slower handshake is believed at once, a faster one by exp(-elapsed / tau)', (t) => {
  t.is(averageAfter(10, 1, 100, TAU_MS), 100);
  t.is(averageAfter(100, 0, 10, TAU_MS), 100);
  const expected = 100 / Math.E + 10 * (1 - 1 / Math.E);
  t.true(Math.abs(averageAfter(100, TAU_MS, 10, TAU_MS) - expected) < 1e-9);
});

test('while nothing is measured it decays towards zero by the same law', (t) => {
  for (const taus of [0, 0.5, 1, 3]) {
    t.true(Math.abs(decayed(50, taus * TAU_MS, TAU_MS) - 50 * Math.exp(-taus)) < 1e-9);
  }
});

test('time that seems to go back changes nothing', (t) => {
  t.is(averageAfter(100, -5, 10, TAU_MS), 100);
  t.is(decayed(100, -5, TAU_MS), 100);
});

test('it lies between the average and the sample, and never grows by waiting', (t) => {
  const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
  fc.assert(
    fc.property(ms, ms, fc.integer({ min: 0, max: 1e6 }), (averageMs, sampleMs, elapsedMs) => {
      const after = averageAfter(averageMs, elapsedMs, sampleMs, TAU_MS);
      t.true(after >= sampleMs * (1 - 1e-12) && after <= Math.max(averageMs, sampleMs) * (1 + 1e-12));
      t.true(decayed(averageMs, elapsedMs, TAU_MS) <= averageMs);
    }),
  );
});
