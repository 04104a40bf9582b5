import test from 'ava';
import { BUDGET_DEFAULTS, LinkBudget } from '../../../src/core/cluster/link-budget.js';

/** `frames` frames of `octets` each, evenly over `seconds`; whether all were within the budget. */
function within(frames: number, octets: number, seconds: number): boolean {
  const budget = new LinkBudget(BUDGET_DEFAULTS, 0);
  let fine = true;
  for (let i = 0; i < frames; i += 1) fine = budget.spend(octets, (1000 * seconds * i) / frames) && fine;
  return fine;
}

const STREAMS: readonly [string, [number, number, number], boolean][] = [
  ['the quiet, for an hour', [36_000, 12, 3600], true],
  ['a table of 10,000 nodes at once', [200, 16_384, 0], true],
  ['450 frames a second for a minute', [27_000, 100, 60], true],
  ['5,000 frames at once', [5000, 10, 0], true],
  ['5,001 frames at once', [5001, 10, 0], false],
  ['a thousand frames a second for a minute', [60_000, 10, 60], false],
  ['a megabyte a second for a minute', [60, 1_000_000, 60], false],
];
for (const [what, stream, fine] of STREAMS) {
  test(`${what}: ${fine ? 'within the budget' : 'a flood'}`, (t) => {
    t.is(within(...stream), fine);
  });
}

test('a clock that stands still or goes back grants nothing', (t) => {
  const budget = new LinkBudget({ ...BUDGET_DEFAULTS, framesAtOnce: 2 }, 1000);
  t.deepEqual(
    [1000, 500, 1000].map((atMs) => budget.spend(1, atMs)),
    [true, true, false],
  );
});
