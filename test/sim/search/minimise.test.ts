import test from 'ava';
import type { Plan } from '../../../src/sim/plan/plan.js';
import { planOf } from '../../../src/sim/plan/scenarios.js';
import { describeReduction, minimise } from '../../../src/sim/search/minimise.js';

const large: Plan = {
  ...planOf({ scenario: 'kernel-chaos', seed: 4, nodes: 40, durationMs: 60_000 }),
};

const limits = { parallel: 2, mostRuns: 2_000, mostMs: 60_000, nowMs: () => 0 };
const shrunk = (plan: Plan, violates: (plan: Plan) => boolean, changed: Partial<typeof limits> = {}) =>
  minimise(plan, { ...limits, violates: async (one) => violates(one), ...changed });

/** Two kinds of faults that together do it. */
const needed = new Set([large.faults[3]!.fault.kind, large.faults[11]!.fault.kind]);
const both = (plan: Plan): boolean =>
  [...needed].every((kind) => plan.faults.some(({ fault }) => fault.kind === kind));

test('only the faults that it takes are left, short ones, in a small fleet', async (t) => {
  t.is(needed.size, 2);
  const { plan, ended } = await shrunk(large, both);
  t.deepEqual(new Set(plan.faults.map(({ fault }) => fault.kind)), needed);
  t.is(plan.faults.length, 2);
  t.true(plan.faults.every(({ durationMs }) => durationMs <= 100));
  t.true(plan.nodes <= 2);
  t.is(plan.connectionsPerSecond, 1);
  t.true(plan.durationMs < large.durationMs / 10);
  t.true(plan.healMs < plan.durationMs);
  t.is(ended, 'smallest');
});

test('the result does not depend on how many are tried at a time', async (t) => {
  const one = await shrunk(large, both, { parallel: 1 });
  const three = await shrunk(large, both, { parallel: 3 });
  t.deepEqual(three.plan, one.plan);
});

test('what stays as it is when it must', async (t) => {
  const { plan } = await shrunk(
    large,
    (one) => one.nodes === 40 && one.vips === large.vips && one.faults.length > 3,
  );
  t.is(plan.nodes, 40);
  t.is(plan.vips, large.vips);
  t.is(plan.faults.length, 4);
});

test('a plan of which nothing can be taken away is left alone', async (t) => {
  const { plan, ended } = await shrunk(large, (one) => JSON.stringify(one) === JSON.stringify(large));
  t.deepEqual(plan, large);
  t.is(ended, 'smallest');
  t.is(describeReduction(large, plan), 'nothing could be taken away');
});

test('hosts of faults are renamed so that they exist, and backends, too', async (t) => {
  const faults: Plan['faults'] = [
    {
      atMs: 9_000,
      durationMs: 1_000,
      fault: { kind: 'partition', side: ['n30', 'n20', 'n7'], oneWay: false },
    },
    { atMs: 9_500, durationMs: 500, fault: { kind: 'panic', host: 'n30', wiped: false } },
    { atMs: 9_600, durationMs: 500, fault: { kind: 'backend-refuses', backend: 150 } },
  ];
  const { plan } = await shrunk({ ...large, faults }, (one) => one.faults.length === 3);
  t.is(plan.nodes, 1);
  t.deepEqual(
    plan.faults.map(({ fault }) => fault),
    [
      { kind: 'partition', side: ['n1'], oneWay: false },
      { kind: 'panic', host: 'n1', wiped: false },
      { kind: 'backend-refuses', backend: 0 },
    ],
  );
});

test('it ends after so many runs, with the best so far', async (t) => {
  const { runs, ended, plan } = await shrunk(large, both, { mostRuns: 10 });
  t.true(runs <= 11);
  t.is(ended, 'runs');
  t.true(plan.faults.length < large.faults.length);
});

test('it ends after so much time', async (t) => {
  let clock = 0;
  const nowMs = (): number => {
    clock += 1_000;
    return clock;
  };
  const { ended } = await shrunk(large, both, { nowMs, mostMs: 5_000 });
  t.is(ended, 'time');
});

test('progress tells what became less', async (t) => {
  const lines: string[] = [];
  const violates = async (one: Plan): Promise<boolean> => both(one);
  await minimise(large, { ...limits, violates, onProgress: (text) => lines.push(text) });
  t.regex(
    lines[lines.length - 1] ?? '',
    new RegExp(
      `^${large.faults.length} faults -> 2, 40 nodes -> [12], 20 VIPs -> 1, 160 backends -> 1, .* 60 s -> `,
    ),
  );
});
