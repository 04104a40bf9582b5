import test from 'ava';
import type { Endpoint } from '../../../src/core/endpoint.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { TupleTable } from '../../../src/sim/kernel/tuple-table.js';

test('a table does what a Map does, whatever is added and removed', (t) => {
  const random = new Engine(5).stream('table');
  const table = new TupleTable<{ readonly key: string }>();
  const map = new Map<string, { readonly key: string }>();
  // Few tuples, so that many are added again after they were removed, and many collide.
  const draw = (): Endpoint => (0x0a63_0000_0000 + random.below(40)) as Endpoint;
  for (let step = 0; step < 20_000; step += 1) {
    const [from, to] = [draw(), draw()];
    const key = `${from} ${to}`;
    t.is(table.find(from, to), map.get(key));
    if (map.has(key)) {
      table.remove(from, to);
      map.delete(key);
    } else if (random.chance(step < 10_000 ? 0.9 : 0.3)) {
      const value = { key };
      table.add(from, to, value);
      map.set(key, value);
    } else table.remove(from, to);
    if (table.size !== map.size) t.fail(`${table.size} tuples instead of ${map.size}`);
  }
  const found = new Set<string>();
  table.forEach((value, place) => {
    const [from, to] = value.key.split(' ').map((part) => Number(part) as Endpoint);
    t.true(table.isAt(place, from!, to!));
    t.false(table.isAt(place, to!, from!) && from !== to);
    found.add(value.key);
  });
  t.deepEqual([...found].sort(), [...map.keys()].sort());
  t.is(table.some(0.99, 5).length, 5);
  table.clear();
  t.is(table.size, 0);
  t.deepEqual(table.some(0.5, 5), []);
});
