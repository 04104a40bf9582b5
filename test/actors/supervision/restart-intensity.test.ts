import test from 'ava';
import fc from 'fast-check';
import { grantRestart, type RestartHistory } from '../../../src/actors/supervision/restart-intensity.js';

const twoInTen = { restarts: 2, withinMs: 10 };

const cases: readonly {
  says: string;
  before: RestartHistory;
  nowMs: number;
  after: RestartHistory | undefined;
}[] = [
  { says: 'the first restart is granted', before: [], nowMs: 5, after: [5] },
  { says: 'as many as the intensity says are granted at once', before: [5], nowMs: 5, after: [5, 5] },
  { says: 'one more is not', before: [5, 5], nowMs: 6, after: undefined },
  { says: 'the far end of the window counts', before: [0, 5], nowMs: 10, after: undefined },
  { says: 'what is older than the window is forgotten', before: [0, 5], nowMs: 10.5, after: [5, 10.5] },
];

for (const { says, before, nowMs, after } of cases) {
  test(says, (t) => {
    t.deepEqual(grantRestart(before, nowMs, twoInTen), after);
  });
}

test('an intensity of no restarts grants none', (t) => {
  t.is(grantRestart([], 0, { restarts: 0, withinMs: 10 }), undefined);
});

test('no window of the stated length ever holds more restarts than stated, and none is refused needlessly', (t) => {
  const gaps = fc.array(fc.nat(8), { maxLength: 60 });
  fc.assert(
    fc.property(
      gaps,
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 20 }),
      (steps, restarts, withinMs) => {
        let nowMs = 0;
        let history: RestartHistory = [];
        const granted: number[] = [];
        for (const step of steps) {
          nowMs += step;
          const inWindow = granted.filter((atMs) => nowMs - atMs <= withinMs).length;
          const next = grantRestart(history, nowMs, { restarts, withinMs });
          if ((next !== undefined) !== inWindow < restarts) return false;
          if (next === undefined) continue;
          granted.push(nowMs);
          history = next;
        }
        return history.length <= restarts;
      },
    ),
  );
  t.pass();
});
