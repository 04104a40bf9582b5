import test from 'ava';
import fc from 'fast-check';
import { LatencyLines } from '../../../src/core/balancer/latency-lines.js';
import { bucketOf, epochOf, LatencyWindow, NO_LATENCIES } from '../../../src/core/balancer/latency-window.js';

test('through a line or straight, a window holds the same', (t) => {
  const latency = fc.record({
    ms: fc.double({ min: 0, max: 70_000, noNaN: true }),
    elapsedMs: fc.integer({ min: 0, max: 3_000 }),
    line: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(latency, { maxLength: 300 }), (latencies) => {
      const lines = new LatencyLines(3);
      const windows: (LatencyWindow | undefined)[] = [undefined, undefined, undefined];
      const straight = [0, 1, 2].map(() => new LatencyWindow());
      const handOn = (line: number): void => {
        windows[line] = lines.handOn(line, windows[line]);
      };
      let nowMs = 0;
      for (const { ms, elapsedMs, line } of latencies) {
        nowMs += elapsedMs;
        straight[line]!.record(Uint8Array.of(bucketOf(ms)), ms, epochOf(nowMs));
        if (lines.add(line, ms, nowMs)) continue;
        handOn(line);
        t.true(lines.add(line, ms, nowMs));
      }
      for (const line of [0, 1, 2]) {
        handOn(line);
        t.deepEqual(windows[line]?.summary(nowMs) ?? NO_LATENCIES, straight[line]!.summary(nowMs));
        const window = windows[line];
        handOn(line);
        t.is(windows[line], window);
      }
    }),
  );
});

test('a line holds some dozens of latencies, all of the same ten seconds', (t) => {
  const lines = new LatencyLines(1);
  let held = 0;
  while (lines.add(0, 1, 9_999)) held += 1;
  t.is(held, 55);
  lines.handOn(0, undefined);
  t.true(lines.add(0, 1, 9_999));
  t.false(lines.add(0, 1, 10_000));
});
