import test from 'ava';
import fc from 'fast-check';
import { Circuit } from '../../../src/core/balancer/circuit.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const LIMITS = { failureThreshold: 5, failureWindowMs: 5 * MINUTE, backoffMs: 30 * SECOND };

/** Times at which a handshake ended, in seconds; negative: it succeeded then. */
const cases: readonly { what: string; handshakes: readonly number[]; at: number; available: boolean }[] = [
  { what: 'a stranger', handshakes: [], at: 0, available: true },
  { what: 'four failures', handshakes: [1, 2, 3, 4], at: 4, available: true },
  { what: 'five failures', handshakes: [1, 2, 3, 4, 5], at: 5, available: false },
  { what: 'five failures at one instant', handshakes: [1, 1, 1, 1, 1], at: 1, available: false },
  {
    what: 'four failures, a success, four failures',
    handshakes: [1, 2, 3, 4, -5, 6, 7, 8, 9],
    at: 9,
    available: true,
  },
  { what: 'five failures just within 5 minutes', handshakes: [0, 1, 2, 3, 300], at: 300, available: false },
  { what: 'five failures over more than 5 minutes', handshakes: [0, 1, 2, 3, 301], at: 301, available: true },
  {
    what: 'the last five of many within 5 minutes',
    handshakes: [0, 400, 401, 402, 403, 404],
    at: 404,
    available: false,
  },
  { what: 'just before the back-off ends', handshakes: [1, 2, 3, 4, 5], at: 34.9, available: false },
  { what: 'when the back-off has ended', handshakes: [1, 2, 3, 4, 5], at: 35, available: true },
  { what: 'a trial after the back-off failed', handshakes: [1, 2, 3, 4, 5, 35], at: 36, available: false },
  {
    what: 'the back-off after a failed trial has ended',
    handshakes: [1, 2, 3, 4, 5, 35],
    at: 65,
    available: true,
  },
  {
    what: 'a trial after the back-off succeeded',
    handshakes: [1, 2, 3, 4, 5, -35],
    at: 36,
    available: true,
  },
  {
    what: 'one more failure after a trial succeeded',
    handshakes: [1, 2, 3, 4, 5, -35, 36],
    at: 36,
    available: true,
  },
];

for (const { what, handshakes, at, available } of cases) {
  test(`${what}: ${available ? 'available' : 'unavailable'}`, (t) => {
    const circuit = new Circuit(LIMITS);
    for (const seconds of handshakes) {
      if (seconds < 0) circuit.succeeded();
      else circuit.failed(seconds * SECOND);
    }
    t.is(circuit.available(at * SECOND), available);
  });
}

test('it is as the definition says, for any limits and any history', (t) => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), { maxLength: 60 });
  const limits = fc.record({
    failureThreshold: fc.integer({ min: 1, max: 6 }),
    failureWindowMs: fc.integer({ min: 1, max: 100 }),
    backoffMs: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(limits, steps, (limits, steps) => {
      const circuit = new Circuit(limits);
      let failedAtMs: number[] = [];
      let nowMs = 0;
      for (const [elapsedMs, failed] of steps) {
        nowMs += elapsedMs;
        const last = failedAtMs.slice(-limits.failureThreshold);
        const unavailable =
          last.length === limits.failureThreshold &&
          last.at(-1)! - last[0]! <= limits.failureWindowMs &&
          nowMs - last.at(-1)! < limits.backoffMs;
        t.is(circuit.available(nowMs), !unavailable);
        if (failed) {
          circuit.failed(nowMs);
          failedAtMs.push(nowMs);
        } else {
          circuit.succeeded();
          failedAtMs = [];
        }
        t.is(circuit.consecutiveFailures, failedAtMs.length);
      }
    }),
  );
});
