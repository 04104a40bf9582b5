import test from 'ava';
import { benchMesh, SMALL } from '../../bench/mesh.js';
import { isReached } from '../../bench/report.js';

test('small towns show every figure of the mesh, and no node is taken for dead wrongly', async (t) => {
  const { rounds, figures } = await benchMesh({ ...SMALL, say: (line) => t.log(line) });
  t.is(rounds.length, SMALL.seeds.length);
  for (const figure of figures) t.true(isReached(figure), `${figure.name}: ${figure.value}`);
  t.true(rounds.every(({ pingsPerSecond, bytesPerSecond }) => pingsPerSecond > 0 && bytesPerSecond > 0));
});
