import test from 'ava';
import fc from 'fast-check';
import { compareDigest, differing, digests } from '../../../src/core/cluster/anti-entropy.js';
import { type ClusterRecord, type SealedRecord, sealRecord } from '../../../src/core/cluster/record.js';
import { hashOf, RecordTable } from '../../../src/core/cluster/record-table.js';
import { Town } from './town/town.js';

const all = (): boolean => true;
const hash = (table: RecordTable): number => hashOf(table.summary(all));

const fewRecords: fc.Arbitrary<SealedRecord> = fc
  .record({
    kind: fc.constant('adjacency' as const),
    origin: fc.integer({ min: 0, max: 5 }).map(Town.endpointOf),
    epoch: fc.integer({ min: 1, max: 2 }),
    counter: fc.integer({ min: 1, max: 3 }),
    name: fc.constantFrom('a', 'b'),
    left: fc.boolean(),
    neighbours: fc.constant([]),
    died: fc.constantFrom([], [{ node: Town.endpointOf(6), epoch: 1, counter: 1 }]),
  })
  .map((record: ClusterRecord) => sealRecord(record));

test('in whatever order and however often records come, tables end up equal', (t) => {
  fc.assert(
    fc.property(fc.array(fewRecords, { maxLength: 20 }), fc.integer(), (records, seed) => {
      const [first, second] = [new RecordTable(), new RecordTable()];
      for (const sealed of records) first.merge(sealed);
      const shuffled = [...records, ...records].sort(
        (a, b) => ((a.hash ^ seed) >>> 0) - ((b.hash ^ seed) >>> 0),
      );
      for (const sealed of shuffled) second.merge(sealed);
      t.is(hash(first), hash(second));
      for (const [origin, { adjacency }] of first.entries()) {
        t.deepEqual(second.get(origin)?.adjacency?.octets, adjacency?.octets);
      }
    }),
  );
});

test('a version never goes back', (t) => {
  fc.assert(
    fc.property(fc.array(fewRecords, { maxLength: 20 }), (records) => {
      const table = new RecordTable();
      for (const sealed of records) {
        const before = table.record(sealed.record.origin, 'adjacency');
        table.merge(sealed);
        const after = table.record(sealed.record.origin, 'adjacency')!.record;
        if (before === undefined) continue;
        t.true(
          after.epoch > before.record.epoch ||
            (after.epoch === before.record.epoch && after.counter >= before.record.counter),
        );
      }
    }),
  );
});

test('one exchange of digests makes any two tables equal', (t) => {
  fc.assert(
    fc.property(
      fc.array(fewRecords, { maxLength: 15 }),
      fc.array(fewRecords, { maxLength: 15 }),
      (ours, theirs) => {
        const [a, b] = [new RecordTable(), new RecordTable()];
        for (const sealed of ours) a.merge(sealed);
        for (const sealed of theirs) b.merge(sealed);
        const mask = differing(b.summary(all), a.summary(all));
        for (const digest of digests(b, mask, all)) {
          const { send, want } = compareDigest(a, digest, all);
          for (const sealed of send) b.merge(sealed);
          for (const { origin, kind } of want) a.merge(b.record(origin, kind)!);
        }
        t.is(hash(a), hash(b));
      },
    ),
  );
});

test('equal tables need no exchange', (t) => {
  const table = new RecordTable();
  for (const sealed of fc.sample(fewRecords, { numRuns: 10, seed: 1 })) table.merge(sealed);
  t.is(differing(table.summary(all), table.summary(all)), 0);
});

test('a full table takes no further nodes, but news of those it has', (t) => {
  const table = new RecordTable(2);
  const record = (node: number, counter: number): SealedRecord =>
    sealRecord({
      kind: 'adjacency',
      origin: Town.endpointOf(node),
      epoch: 1,
      counter,
      name: 'x',
      left: false,
      died: [],
      neighbours: [],
    });
  t.deepEqual(
    [record(0, 1), record(1, 1), record(2, 1), record(0, 2), record(0, 1)].map((r) => table.merge(r)),
    ['newer', 'newer', 'full', 'newer', 'older'],
  );
});
