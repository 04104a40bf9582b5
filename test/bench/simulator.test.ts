import test from 'ava';
import { benchSimulator, SMALL } from '../../bench/simulator.js';

test('a quiet fleet is simulated and measured, with and without invariants, and a larger one', async (t) => {
  const { watched, bare, meshed, large, shares, figures } = await benchSimulator({
    ...SMALL,
    say: (line) => t.log(line),
  });
  for (const round of [...watched, ...bare, meshed, large]) {
    t.true(round.events > 0 && round.messages > 0 && round.speed > 0 && round.rssMegabytes > 0);
    t.is(round.violations, 0);
  }
  t.is(watched[0]!.events, bare[0]!.events);
  t.true(shares.length > 3);
  t.deepEqual(
    figures.map(({ asked, value }) => [asked, typeof value]),
    [
      [150, 'number'],
      [1_000, 'number'],
      [1_000, 'number'],
      [1_000, 'number'],
    ],
  );
});
