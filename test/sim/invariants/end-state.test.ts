import test from 'ava';
import { type Plan, runPlan, type TimedFault } from '../../../src/sim/cluster.js';
import { ALL_INVARIANTS } from '../../../src/sim/invariants/all.js';
import type { Invariant } from '../../../src/sim/invariants/invariant.js';
import { endState } from './end-state.js';

/** The clients end a little before the run does, so that nothing is pending then. */
const PLAN: Omit<Plan, 'seed' | 'source' | 'faults'> = {
  scenario: 'crashes',
  nodes: 2,
  durationMs: 30_000,
  healMs: 18_000,
  vips: 3,
  backends: 9,
  connectionsPerSecond: 30,
  longConnections: 2,
  mesh: false,
};

/** What both runs have in common: something for each actor to do. */
const CHANGES: readonly TimedFault[] = [
  { atMs: 9_000, durationMs: 0, fault: { kind: 'tasks', how: 'kill', count: 1 } },
  { atMs: 11_000, durationMs: 0, fault: { kind: 'tasks', how: 'add', count: 2 } },
  { atMs: 13_000, durationMs: 0, fault: { kind: 'tasks', how: 'remove-vip', count: 1 } },
  { atMs: 14_000, durationMs: 0, fault: { kind: 'rules-flushed', host: 'n1', table: 'filter' } },
  { atMs: 15_000, durationMs: 0, fault: { kind: 'set-spoilt', host: 'n1', how: 'emptied' } },
];

const ACTORS = [
  'vip-table',
  'sources/',
  'balancers/',
  'balancer-manager',
  'connection-observer',
  'nfqueue-pool/',
  'ipset-manager',
  'firewall-manager',
];

/** Three crashes on either host, at messages that differ between the seeds. */
function crashesOf(actor: string, seed: number): readonly TimedFault[] {
  return ['n1', 'n2'].flatMap((host) =>
    [8_500, 11_000, 13_000].map((atMs, index): TimedFault => {
      const when = (seed + index) % 2 === 0 ? 'before' : 'after';
      return {
        atMs,
        durationMs: 3_000,
        fault: { kind: 'actor-crash', host, actor, nth: 1 + ((seed + index) % 4), when },
      };
    }),
  );
}

async function runToItsEnd(
  plan: Plan,
): Promise<{ state: readonly string[]; broken: readonly string[]; crashes: number }> {
  let state: readonly string[] = [];
  let crashes = 0;
  const witness: Invariant = {
    name: 'witness',
    promise: 'the end is seen',
    watch: (fleet) => {
      endState(fleet);
      return {
        happened: (news) => {
          if (news.kind === 'log' && news.event === 'actor-restarted') crashes += 1;
        },
        healed: () => {
          state = endState(fleet);
        },
      };
    },
  };
  const { violations } = await runPlan(plan, { invariants: [...ALL_INVARIANTS, witness] });
  return { state, broken: violations.map(({ invariant, what }) => `${invariant}: ${what}`), crashes };
}

for (const [index, actor] of ACTORS.entries()) {
  test(`after crashes of ${actor} a fleet ends as it would have without`, async (t) => {
    let crashes = 0;
    for (const source of ['file', 'mesos-master'] as const) {
      const seed = 1 + index;
      const calm: Plan = { ...PLAN, seed, source, faults: CHANGES };
      const expected = await runToItsEnd(calm);
      const found = await runToItsEnd({ ...calm, faults: [...CHANGES, ...crashesOf(actor, seed)] });
      t.deepEqual(expected.broken, []);
      t.deepEqual(found.broken, []);
      t.deepEqual(found.state, expected.state);
      t.is(expected.crashes, 0);
      crashes += found.crashes;
    }
    t.true(crashes > 0, 'no actor crashed');
  });
}
