import test from 'ava';
import { Mourning } from '../../../src/core/cluster/mourning.js';
import { NEIGHBOURS_MOST } from '../../../src/core/cluster/record.js';
import { Town } from './town/town.js';

const at = Town.endpointOf;

test('deaths are told of for a second, and not of who is back', (t) => {
  const mourning = new Mourning();
  mourning.add(at(1), { epoch: 3, counter: 4 }, 0);
  mourning.add(at(2), undefined, 500);
  const told = (neighbours: number[], nowMs: number) => mourning.recent(neighbours.map(at), nowMs);
  t.deepEqual(told([], 999), [
    { node: at(1), epoch: 3, counter: 4 },
    { node: at(2), epoch: 0, counter: 0 },
  ]);
  t.deepEqual(
    told([], 1000).map(({ node }) => node),
    [at(2)],
  );
  t.deepEqual(told([2], 1001), []);
});

test('however many die at once, a record names no more than it may', (t) => {
  const mourning = new Mourning();
  for (let node = 1; node <= NEIGHBOURS_MOST + 5; node += 1) mourning.add(at(node), undefined, 0);
  const told = mourning.recent([], 10);
  t.is(told.length, NEIGHBOURS_MOST);
  t.is(told.at(-1)?.node, at(NEIGHBOURS_MOST + 5));
});
