import test from 'ava';
import fc from 'fast-check';
import { LatencyWindow } from '../../../src/core/balancer/latency-window.js';

const SECOND = 1_000;

test('nothing was recorded: all is zero', (t) => {
  t.deepEqual(new LatencyWindow().summary(0), { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 });
});

test('quantiles are exact to 19 % and never above the slowest', (t) => {
  const latency = fc.double({ min: 0.07, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(latency, { minLength: 1, maxLength: 200 }), (latencies) => {
      const window = new LatencyWindow();
      for (const [i, ms] of latencies.entries()) window.record(ms, i);
      const summary = window.summary(latencies.length);
      const sorted = latencies.toSorted((a, b) => a - b);
      t.is(summary.count, latencies.length);
      t.is(summary.maxMs, Math.fround(sorted.at(-1)!));
      for (const [share, value] of [
        [0.5, summary.p50Ms],
        [0.95, summary.p95Ms],
        [0.99, summary.p99Ms],
      ] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        t.true(value >= exact * (1 - 1e-6) && value <= exact * 1.190001, `${share}: ${value} for ${exact}`);
      }
    }),
  );
});

test('what is a minute old is forgotten, ten seconds at a time, and its room is used again', (t) => {
  const window = new LatencyWindow();
  window.record(5, 0);
  window.record(7, 15 * SECOND);
  t.is(window.summary(59 * SECOND).count, 2);
  t.is(window.summary(60 * SECOND).count, 1);
  t.is(window.summary(75 * SECOND).count, 0);
  window.record(1, 60 * SECOND);
  t.deepEqual([window.summary(60 * SECOND).count, window.summary(60 * SECOND).maxMs], [2, 7]);
  t.is(window.summary(10_000 * SECOND).count, 0);
});

test('latencies beyond its range count at its ends', (t) => {
  const window = new LatencyWindow();
  window.record(0, 0);
  window.record(1e9, 0);
  const { count, p50Ms, maxMs } = window.summary(0);
  t.deepEqual([count, maxMs], [2, 1e9]);
  t.true(p50Ms <= 0.0625);
});

test('a few latencies now and then are told like many, and only those of the last minute', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(40 * SECOND), fc.double({ min: 0.07, max: 60_000, noNaN: true })), {
        minLength: 1,
        maxLength: 40,
      }),
      (steps) => {
        const few = new LatencyWindow();
        const many = new LatencyWindow();
        // So many at one instant that they are counted and no longer kept, all forgotten when it begins.
        for (let n = 0; n < 50; n += 1) many.record(1, 0);
        let nowMs = 100 * SECOND;
        for (const [laterMs, latencyMs] of steps) {
          nowMs += laterMs;
          few.record(latencyMs, nowMs);
          many.record(latencyMs, nowMs);
          t.deepEqual(few.summary(nowMs), many.summary(nowMs));
        }
      },
    ),
  );
});
