import test from 'ava';
import { runPlan } from '../../../src/sim/cluster.js';
import { ALL_INVARIANTS } from '../../../src/sim/invariants/all.js';
import type { Plan } from '../../../src/sim/plan/plan.js';

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
];

for (const [fault, plan] of rows) {
  test(`found by the simulator: ${fault}`, async (t) => {
    const { violations } = await runPlan(plan, { invariants: ALL_INVARIANTS });
    t.deepEqual(violations, []);
  });
}
