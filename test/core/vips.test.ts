import test from 'ava';
import fc from 'fast-check';
import type { Endpoint } from '../../src/core/endpoint.js';
import { applyDelta, diffVips, NO_VIPS, sameBackends, type Vips } from '../../src/core/vips.js';
import { at, set } from '../support/endpoints.js';

const few = (what: string, count: number): fc.Arbitrary<Endpoint> =>
  fc.integer({ min: 1, max: count }).map((n) => at(`${what}.${n}:80`));

const anyVips: fc.Arbitrary<Vips> = fc
  .array(
    fc.tuple(
      few('10.1.0', 5),
      fc.array(few('10.2.0', 4)).map((list) => new Set(list)),
    ),
  )
  .map((entries) => new Map(entries));

test('a table and the difference to another give that other', (t) => {
  fc.assert(
    fc.property(anyVips, anyVips, (before, after) => {
      t.deepEqual(sorted(applyDelta(before, diffVips(before, after))), sorted(after));
    }),
  );
});

test('a difference names what differs and nothing else', (t) => {
  fc.assert(
    fc.property(anyVips, anyVips, (before, after) => {
      const { upserts, removed } = diffVips(before, after);
      for (const vip of new Set([...before.keys(), ...after.keys()])) {
        const [old, now] = [before.get(vip), after.get(vip)];
        const same = old !== undefined && now !== undefined && sameBackends(old, now);
        t.is(upserts.has(vip), now !== undefined && !same);
        t.is(removed.includes(vip), now === undefined);
      }
    }),
  );
});

test('a table does not differ from itself, and applying a delta leaves the old table as it was', (t) => {
  const before: Vips = new Map([[at('10.1.0.1:80'), set('10.2.0.1:80')]]);
  t.deepEqual(diffVips(before, new Map(before)), { upserts: new Map(), removed: [] });
  applyDelta(before, { upserts: new Map([[at('10.1.0.2:80'), set()]]), removed: [at('10.1.0.1:80')] });
  t.deepEqual([...before.keys()], [at('10.1.0.1:80')]);
  t.is(NO_VIPS.size, 0);
});

function sorted(vips: Vips): [Endpoint, Endpoint[]][] {
  return [...vips]
    .map(([vip, backends]): [Endpoint, Endpoint[]] => [vip, [...backends].sort()])
    .sort(([a], [b]) => a - b);
}
