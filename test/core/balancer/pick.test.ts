import test from 'ava';
import fc from 'fast-check';
import seedrandom from 'seedrandom';
import { Backend, type BalancerLimits } from '../../../src/core/balancer/backend.js';
import { BackendTable } from '../../../src/core/balancer/backend-table.js';
import { type Pick, pick } from '../../../src/core/balancer/pick.js';
import type { PickAlgorithm, PickBucket } from '../../../src/core/telemetry.js';
import { chiSquare, oneInAMillion } from '../../support/chi-square.js';
import { at } from '../../support/endpoints.js';

const LIMITS: BalancerLimits = {
  failureThreshold: 1,
  failureWindowMs: 1_000,
  backoffMs: 1_000,
  connectTimeoutMs: 400,
};
const NOW_MS = 10;

function backend(index: number, bucket: PickBucket = 'open-reachable', latencyMs = 1): Backend {
  const made = new Backend(at(`10.0.${Math.floor(index / 250)}.${(index % 250) + 1}:80`), LIMITS);
  made.standAlone();
  made.succeeded(latencyMs, NOW_MS);
  if (bucket !== 'open-reachable') made.reachable = false;
  if (bucket === 'rest') made.failed(NOW_MS);
  return made;
}

function many(count: number, bucket?: PickBucket): Backend[] {
  return Array.from({ length: count }, (_, index) => backend(index, bucket));
}

function pickFrom(backends: readonly Backend[], seed: string | number, except?: Backend): Pick {
  return pick(new BackendTable(backends), NOW_MS, seedrandom(String(seed)), except)!;
}

test('where most of the machines are gone none of their many backends is picked', (t) => {
  const backends = [...many(900, 'open'), ...many(100)];
  const table = new BackendTable(backends);
  const random = seedrandom('gone');
  const served = new Set<Backend>();
  for (let n = 0; n < 5_000; n += 1) {
    const picked = pick(table, NOW_MS, random)!;
    t.is(picked.bucket, 'open-reachable');
    served.add(picked.backend);
  }
  t.is(served.size, 100);
  for (const backend of backends) backend.reachable = true;
  table.partition();
  for (let n = 0; n < 20_000; n += 1) served.add(pick(table, NOW_MS, random)!.backend);
  t.is(served.size, 1_000);
});

const buckets: readonly {
  ideal: number;
  open: number;
  rest: number;
  from: PickBucket;
  by: PickAlgorithm;
}[] = [
  { ideal: 1, open: 0, rest: 0, from: 'open-reachable', by: 'simple' },
  { ideal: 1, open: 4, rest: 5, from: 'open-reachable', by: 'simple' },
  { ideal: 0, open: 1, rest: 9, from: 'open', by: 'simple' },
  { ideal: 0, open: 0, rest: 10, from: 'rest', by: 'simple' },
  { ideal: 10, open: 0, rest: 0, from: 'open-reachable', by: 'simple' },
  { ideal: 11, open: 0, rest: 0, from: 'open-reachable', by: 'probabilistic' },
  // Up to 20 all are looked at, so the best bucket is found for certain.
  { ideal: 1, open: 9, rest: 10, from: 'open-reachable', by: 'probabilistic' },
  { ideal: 0, open: 1, rest: 19, from: 'open', by: 'probabilistic' },
  { ideal: 0, open: 0, rest: 500, from: 'rest', by: 'probabilistic' },
  { ideal: 0, open: 500, rest: 0, from: 'open', by: 'probabilistic' },
];
for (const { ideal, open, rest, from, by } of buckets) {
  test(`of ${ideal} ideal, ${open} open and ${rest} other backends it picks one that is ${from} (${by})`, (t) => {
    const backends = [...many(ideal), ...many(open, 'open'), ...many(rest, 'rest')];
    for (let seed = 0; seed < 100; seed += 1) {
      const picked = pickFrom(backends, seed);
      t.deepEqual([picked.bucket, picked.algorithm], [from, by]);
      const index = backends.indexOf(picked.backend);
      t.is(index < ideal ? 'open-reachable' : index < ideal + open ? 'open' : 'rest', from);
    }
  });
}

test('nothing to pick from gives nothing', (t) => {
  t.is(
    pick(new BackendTable([]), NOW_MS, () => 0),
    undefined,
  );
});

test('the pick is one of those given, and none is lost or doubled by the shuffling', (t) => {
  const bucket = fc.constantFrom<PickBucket>('open-reachable', 'open', 'rest');
  fc.assert(
    fc.property(fc.array(bucket, { minLength: 1, maxLength: 40 }), fc.string(), (kinds, seed) => {
      const backends = kinds.map((kind, index) => backend(index, kind));
      const table = new BackendTable(backends);
      const random = seedrandom(seed);
      for (let round = 0; round < 5; round += 1) {
        const picked = pick(table, NOW_MS, random, backends[round]);
        t.true(backends.includes(picked!.backend));
        t.deepEqual(
          [...table.order].sort((a, b) => a - b),
          [...backends.keys()],
        );
      }
    }),
  );
});

for (const count of [2, 10, 11, 30]) {
  test(`of two drawn from ${count} the cheaper is taken: the dearest never is`, (t) => {
    const backends = many(count);
    const dearest = backends[count - 1]!;
    dearest.pending = 3;
    for (let seed = 0; seed < 500; seed += 1) t.not(pickFrom(backends, seed).backend, dearest);
  });

  test(`two are drawn from ${count}, not all: the cheapest is taken as often as two draws hit it`, (t) => {
    const backends = many(count);
    for (const dearer of backends.slice(1)) dearer.succeeded(2, NOW_MS);
    const rounds = 4_000;
    let taken = 0;
    for (let seed = 0; seed < rounds; seed += 1) {
      if (pickFrom(backends, seed).backend === backends[0]) taken += 1;
    }
    const expected = (rounds * 2) / count;
    t.true(Math.abs(taken - expected) <= 5 * Math.sqrt(expected) * (count === 2 ? 0 : 1), `${taken}`);
  });

  test(`a difference that says nothing does not decide among ${count}`, (t) => {
    const backends = many(count);
    for (const [index, one] of backends.entries()) one.succeeded(2 + (0.4 * index) / count, NOW_MS);
    const table = new BackendTable(backends);
    const random = seedrandom(`alike ${count}`);
    const counts = new Map(backends.map((one) => [one, 0]));
    for (let round = 0; round < 20_000; round += 1) {
      const { backend: picked } = pick(table, NOW_MS, random)!;
      counts.set(picked, counts.get(picked)! + 1);
    }
    t.true(chiSquare([...counts.values()]) < oneInAMillion(count - 1));
  });

  test(`except the one to be passed over, each of ${count} is picked`, (t) => {
    const backends = many(count);
    const except = backends[1]!;
    const picked = new Set<Backend>();
    for (let seed = 0; seed < 1_000; seed += 1) picked.add(pickFrom(backends, seed, except).backend);
    t.false(picked.has(except));
    t.is(picked.size, count - 1);
  });

  test(`${count} equal backends are picked equally often`, (t) => {
    const backends = many(count);
    const table = new BackendTable(backends);
    const random = seedrandom(`equal ${count}`);
    const counts = new Map(backends.map((one) => [one, 0]));
    for (let round = 0; round < 20_000; round += 1) {
      const { backend: picked } = pick(table, NOW_MS, random)!;
      counts.set(picked, counts.get(picked)! + 1);
    }
    const statistic = chiSquare([...counts.values()]);
    t.true(statistic < oneInAMillion(count - 1), `${statistic}`);
  });
}

test('the one to be passed over is picked when it is alone', (t) => {
  const [only] = many(1);
  t.is(pickFrom([only!], 1, only).backend, only!);
});

test('a backend that was never measured is tried, but not with all connections at once', (t) => {
  const stranger = new Backend(at('10.9.9.9:80'), LIMITS);
  const known = backend(0);
  t.is(pickFrom([stranger, known], 1).backend, stranger);
  stranger.pending = 1;
  known.pending = 50;
  t.is(pickFrom([stranger, known], 1).backend, known);
});

for (const count of [100, 10_000]) {
  for (const reachable of [true, false]) {
    test(`of ${count} ${reachable ? 'ideal' : 'unreachable'} backends at most ${reachable ? 2 : 20} are looked at`, (t) => {
      const backends = many(count);
      if (!reachable) for (const one of backends) one.reachable = false;
      const table = new BackendTable(backends);
      const looked = new Set<number>();
      const bucket = table.bucket.bind(table);
      table.bucket = (index, nowMs) => {
        looked.add(index);
        return bucket(index, nowMs);
      };
      for (const except of [undefined, backends[0]]) {
        looked.clear();
        let draws = 0;
        const random = seedrandom('looks');
        pick(
          table,
          NOW_MS,
          () => {
            draws += 1;
            return random();
          },
          except,
        );
        t.is(looked.size, reachable ? 2 : 20);
        t.true(draws <= 21);
      }
    });
  }
}
