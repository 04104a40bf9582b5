import test from 'ava';
import { addressOf } from '../../../src/core/endpoint.js';
import { runPlan } from '../../../src/sim/cluster.js';
import { ALL_INVARIANTS } from '../../../src/sim/invariants/all.js';
import { eyesOn } from '../../../src/sim/invariants/eyes.js';
import type { Invariant } from '../../../src/sim/invariants/invariant.js';
import type { Plan } from '../../../src/sim/plan/plan.js';

/** Daemons that do nothing but be members. */
const MEMBERS_ONLY = {
  vips: 1,
  backends: 4,
  connectionsPerSecond: 0,
  longConnections: 0,
  source: 'file',
  mesh: true,
} as const;

/** Plans in which a promise was broken once. Each is small, and reached the fault without luck. */
const rows: readonly [fault: string, plan: Plan][] = [
  [
    'a client that used its port again after an answer was lost had the new handshake counted as failed early',
    {
      seed: 1,
      scenario: 'lost answers, ports used again',
      nodes: 2,
      durationMs: 25_000,
      healMs: 20_000,
      vips: 1,
      backends: 2,
      connectionsPerSecond: 60,
      longConnections: 0,
      source: 'file',
      mesh: false,
      faults: [
        {
          atMs: 8_000,
          durationMs: 12_000,
          fault: { kind: 'events-lost', host: 'n1', share: 1, told: false },
        },
        { atMs: 8_000, durationMs: 12_000, fault: { kind: 'backend-slow', backend: 0, extraMs: 150 } },
        { atMs: 8_000, durationMs: 12_000, fault: { kind: 'backend-slow', backend: 1, extraMs: 150 } },
      ],
    },
  ],
  [
    'a daemon that stood still before its first heartbeat, right after another was killed, held SYNs for ever',
    {
      seed: 1,
      scenario: 'stopped while it starts',
      nodes: 2,
      durationMs: 25_000,
      healMs: 18_000,
      vips: 2,
      backends: 6,
      connectionsPerSecond: 40,
      longConnections: 0,
      source: 'file',
      mesh: false,
      faults: [
        { atMs: 9_000, durationMs: 600, fault: { kind: 'daemon-killed', host: 'n1' } },
        { atMs: 9_100, durationMs: 8_000, fault: { kind: 'daemon-paused', host: 'n1' } },
      ],
    },
  ],
  [
    'balancers were not told to avoid a member that had left and then, as somebody claimed, had not',
    {
      seed: 2,
      scenario: 'left, and lied about',
      nodes: 5,
      durationMs: 16_000,
      healMs: 14_000,
      vips: 1,
      backends: 4,
      connectionsPerSecond: 0,
      longConnections: 0,
      source: 'file',
      mesh: true,
      faults: [
        { atMs: 7_000, durationMs: 7_000, fault: { kind: 'daemon-stopped', host: 'n4' } },
        { atMs: 9_000, durationMs: 100, fault: { kind: 'mesh-liar', host: 'n3', how: 'all-dead' } },
      ],
    },
  ],
  [
    'a mesh in two halves looked for the other half as fast as ever, since each dial that failed counted as a new loss',
    {
      seed: 1,
      scenario: 'two halves',
      nodes: 20,
      durationMs: 38_000,
      healMs: 38_000,
      vips: 1,
      backends: 4,
      connectionsPerSecond: 0,
      longConnections: 0,
      source: 'file',
      mesh: true,
      faults: [
        {
          atMs: 8_000,
          durationMs: 30_000,
          fault: {
            kind: 'partition',
            side: ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9', 'n10'],
            oneWay: false,
          },
        },
      ],
    },
  ],
  [
    "lies of everybody's death made all look as if they needed their links, so nobody let in who had but a liar for neighbour",
    {
      seed: 336,
      ...MEMBERS_ONLY,
      scenario: 'joining among lies',
      nodes: 9,
      durationMs: 19_000,
      healMs: 18_900,
      faults: [
        { atMs: 9_225, durationMs: 13_298, fault: { kind: 'mesh-liar', host: 'n9', how: 'all-dead' } },
        { atMs: 11_994, durationMs: 6_301, fault: { kind: 'same-name', host: 'n8', as: 'n1' } },
        { atMs: 16_765, durationMs: 969, fault: { kind: 'mesh-liar', host: 'n3', how: 'alarms' } },
      ],
    },
  ],
  [
    'liars spoke for everybody ten times a second, and whoever lived said so every two seconds only',
    {
      seed: 27,
      ...MEMBERS_ONLY,
      scenario: 'spoken for by liars',
      nodes: 12,
      durationMs: 19_000,
      healMs: 18_900,
      faults: [
        { atMs: 8_223, durationMs: 675, fault: { kind: 'mesh-liar', host: 'n12', how: 'all-dead' } },
        { atMs: 11_039, durationMs: 6_317, fault: { kind: 'mesh-liar', host: 'n8', how: 'all-dead' } },
      ],
    },
  ],
];

const LONG: Omit<Plan, 'scenario' | 'durationMs' | 'healMs' | 'faults'> = {
  seed: 1,
  nodes: 4,
  vips: 2,
  backends: 8,
  connectionsPerSecond: 2,
  longConnections: 0,
  source: 'mesos-master',
  mesh: false,
};

/** Looks at what the daemon of n1 knows of backends on n4, at some times. */
function looking(atMs: readonly number[], seen: boolean[]): Invariant {
  return {
    name: 'looking',
    promise: 'somebody looks',
    watch: (fleet) => {
      const eyes = eyesOn(fleet);
      const { address } = fleet.machine('n4')!.host;
      for (const ms of atMs)
        eyes.at(ms, () => {
          const known = [...eyes.host('n1').learned.vips.values()].flatMap((backends) => [...backends]);
          seen.push(known.some((backend) => addressOf(backend) === address));
        });
      return {};
    },
  };
}

test('tasks of an agent that does not come back after a fail-over are held for 15 minutes, and let go then', async (t) => {
  const failOverMs = 20_000;
  const plan: Plan = {
    ...LONG,
    scenario: 'an agent that never returns',
    durationMs: 1_000_000,
    healMs: 1_000_000,
    faults: [
      { atMs: 10_000, durationMs: 990_000, fault: { kind: 'panic', host: 'n4', wiped: false } },
      { atMs: failOverMs, durationMs: 0, fault: { kind: 'master', how: 'fail-over' } },
    ],
  };
  const seen: boolean[] = [];
  const minutes = [1, 10, 14.9, 15.4, 16].map((minute) => failOverMs + minute * 60_000);
  const { violations } = await runPlan(plan, { invariants: [...ALL_INVARIANTS, looking(minutes, seen)] });
  t.deepEqual(violations, []);
  t.deepEqual(seen, [true, true, true, false, false]);
});

test('a mesh that was in two halves for ten minutes is whole again', async (t) => {
  const plan: Plan = {
    ...LONG,
    scenario: 'ten minutes in two halves',
    nodes: 10,
    source: 'file',
    mesh: true,
    durationMs: 650_000,
    healMs: 610_000,
    faults: [
      {
        atMs: 10_000,
        durationMs: 600_000,
        fault: { kind: 'partition', side: ['n1', 'n2', 'n3', 'n4', 'n5'], oneWay: false },
      },
    ],
  };
  const { violations, sometimes } = await runPlan(plan, { invariants: ALL_INVARIANTS });
  t.deepEqual(violations, []);
  t.true(sometimes.get('the overlay was in pieces')! > 0);
  t.true(sometimes.get('the overlay was judged to be whole')! > 0);
});

for (const [fault, plan] of rows) {
  test(`found by the simulator: ${fault}`, async (t) => {
    const { violations } = await runPlan(plan, { invariants: ALL_INVARIANTS });
    t.deepEqual(violations, []);
  });
}
