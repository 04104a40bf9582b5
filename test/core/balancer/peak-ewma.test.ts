import test from 'ava';
import fc from 'fast-check';
import { PeakEwma } from '../../../src/core/balancer/peak-ewma.js';

const TAU_MS = 10_000;

test('nothing is measured until the first sample, which is taken as it is', (t) => {
  const ewma = new PeakEwma(TAU_MS);
  t.false(ewma.measured);
  t.is(ewma.read(5), 0);
  ewma.observe(3, 1_000_000);
  t.true(ewma.measured);
  t.is(ewma.read(1_000_000), 3);
});

test('a slower handshake is believed at once, a faster one by exp(-elapsed / tau)', (t) => {
  const ewma = new PeakEwma(TAU_MS);
  ewma.observe(10, 0);
  ewma.observe(100, 1);
  t.is(ewma.read(1), 100);
  ewma.observe(10, 1 + TAU_MS);
  t.true(Math.abs(ewma.read(1 + TAU_MS) - (100 / Math.E + 10 * (1 - 1 / Math.E))) < 1e-9);
});

test('while nothing is measured it decays towards zero by the same law', (t) => {
  const ewma = new PeakEwma(TAU_MS);
  ewma.observe(50, 0);
  for (const taus of [0.5, 1, 3]) {
    t.true(Math.abs(ewma.read(taus * TAU_MS) - 50 * Math.exp(-taus)) < 1e-9);
  }
});

test('whatever comes in whatever order, it lies between zero and the slowest sample and never grows by waiting', (t) => {
  const sample = fc.record({
    ms: fc.double({ min: 0, max: 1e4, noNaN: true }),
    atMs: fc.integer({ min: 0, max: 1e6 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1 }), fc.integer({ min: 0, max: 1e6 }), (samples, laterMs) => {
      const ewma = new PeakEwma(TAU_MS);
      for (const { ms, atMs } of samples) ewma.observe(ms, atMs);
      const latestMs = Math.max(...samples.map(({ atMs }) => atMs));
      const value = ewma.read(latestMs);
      t.true(value >= 0 && value <= Math.max(...samples.map(({ ms }) => ms)));
      t.true(ewma.read(latestMs + laterMs) <= value);
    }),
  );
});
