import test from 'ava';
import { benchSimConnections, SMALL } from '../../bench/sim-connections.js';

test('simulated connections are timed, each of which ends well', async (t) => {
  const { us, events, figures } = await benchSimConnections(SMALL);
  t.is(us.length, SMALL.rounds);
  t.true(us.every((one) => one > 0));
  t.true(events > 5 && events < 50);
  t.deepEqual(
    figures.map(({ asked }) => asked),
    [100],
  );
});
