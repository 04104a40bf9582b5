import test from 'ava';
import { benchMesh, SMALL } from '../../bench/mesh.js';
import { isReached } from '../../bench/report.js';

test('a small town shows every figure of the mesh, and none of the ten nodes is taken for dead wrongly', async (t) => {
  const { rounds, figures } = await benchMesh({ ...SMALL, say: (line) => t.log(line) });
  t.is(rounds.length, 1);
  for (const figure of figures) t.true(isReached(figure), `${figure.name}: ${figure.value}`);
  t.true(rounds[0]!.pingsPerSecond > 0 && rounds[0]!.bytesPerSecond > 0);
});
