import test from 'ava';
import { benchPick, SMALL } from '../../bench/pick.js';

test('decisions are measured for every number of backends, in turns, and compared', (t) => {
  const { rows, figures } = benchPick(SMALL);
  t.deepEqual(
    rows.map(({ backends }) => backends),
    [1, 10, 100, 1_000, 10_000],
  );
  for (const { us } of rows) {
    for (const values of [us.pick, us.decision, us.learning]) {
      t.is(values.length, SMALL.rounds);
      t.true(values.every((one) => one > 0 && Number.isFinite(one)));
    }
  }
  t.deepEqual(
    figures.map(({ asked, value }) => [asked, typeof value]),
    [
      [1.2, 'number'],
      [1.2, 'number'],
    ],
  );
});
