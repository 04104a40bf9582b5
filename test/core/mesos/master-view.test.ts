import test from 'ava';
import { formatEndpoint } from '../../../src/core/endpoint.js';
import {
  HOLD_AFTER_FAILOVER_MS,
  type MasterView,
  STALE_MASTER_MS,
  stepMaster,
} from '../../../src/core/mesos/master-view.js';
import { readMesosState } from '../../../src/core/mesos/state.js';
import { agent, agentDocument, type Json, master, portTask } from './documents.js';

const MINUTE = 60_000;
const A = { id: 'a', elected_time: 100, pid: 'master@10.20.0.2:5050', leader: 'master@10.20.0.2:5050' };
const B = { id: 'b', elected_time: 200, pid: 'master@10.20.0.3:5050', leader: 'master@10.20.0.3:5050' };
const S0 = agent({ id: 'S0', pid: 'slave(1)@10.20.0.10:5051' });
const S1 = agent({ id: 'S1', pid: 'slave(1)@10.20.0.11:5051' });
const web0 = portTask(8000, { VIP_0: '10.40.0.1:80' }, { id: 'web.0', slave_id: 'S0' });
const web1 = portTask(8001, { VIP_0: '10.40.0.1:80' }, { id: 'web.1', slave_id: 'S1' });
const full = (election: Json) => master([web0, web1], { ...election, slaves: [S0, S1] });
const none = (election: Json) => master([], { ...election, slaves: [] });
const BOTH = '10.20.0.10:8000 10.20.0.11:8001';

/** Each step: minutes, document, then the backends that stand, or the refusal. */
type Step = readonly [atMinutes: number, document: unknown, stands: string | RegExp];

const stories: readonly { readonly says: string; readonly steps: readonly Step[] }[] = [
  {
    says: 'a master is believed within its election: what is gone is gone at once',
    steps: [
      [0, full(A), BOTH],
      [1, master([web0], { ...A, slaves: [S0, S1] }), '10.20.0.10:8000'],
      [2, full(A), BOTH],
      [3, master([web1], { ...A, slaves: [S1] }), '10.20.0.11:8001'],
      [4, none(A), ''],
    ],
  },
  {
    says: 'after a fail-over agents keep their tasks for 15 minutes',
    steps: [
      [0, full(A), BOTH],
      [1, none(B), BOTH],
      [15, none(B), BOTH],
      [16, none(B), ''],
      [17, none(B), ''],
    ],
  },
  {
    says: 'an agent that registers again without its task drops it at once, the other is held',
    steps: [
      [0, full(A), BOTH],
      [1, none(B), BOTH],
      [2, master([], { ...B, slaves: [S0] }), '10.20.0.11:8001'],
      [3, master([], { ...B, slaves: [] }), '10.20.0.11:8001'],
      [4, master([web1], { ...B, slaves: [S1] }), '10.20.0.11:8001'],
      [5, none(B), ''],
    ],
  },
  {
    says: 'an agent that registered again and was then removed is not held',
    steps: [
      [0, full(A), BOTH],
      [1, full(B), BOTH],
      [2, none(B), ''],
    ],
  },
  {
    says: 'an agent registered but not active is no longer held',
    steps: [
      [0, full(A), BOTH],
      [1, master([], { ...B, slaves: [{ ...S0, active: false }] }), '10.20.0.11:8001'],
    ],
  },
  {
    says: 'a task whose framework is not back yet is still there',
    steps: [
      [0, full(A), BOTH],
      [1, master([], { ...B, slaves: [S0, S1], orphan_tasks: [web0, web1] }), BOTH],
    ],
  },
  {
    says: 'a second fail-over starts the 15 minutes anew',
    steps: [
      [0, full(A), BOTH],
      [1, none(B), BOTH],
      [11, none({ ...B, id: 'c', elected_time: 300 }), BOTH],
      [25, none({ ...B, id: 'c', elected_time: 300 }), BOTH],
      [26, none({ ...B, id: 'c', elected_time: 300 }), ''],
    ],
  },
  {
    says: 'a new master id or leader alone is a fail-over too',
    steps: [
      [0, full({ ...A, elected_time: null }), BOTH],
      [1, none({ ...B, elected_time: null }), BOTH],
    ],
  },
  {
    says: 'refused documents change nothing, and neither does the time they take',
    steps: [
      [0, full(A), BOTH],
      [1, null, /no Mesos state/],
      [2, {}, /neither/],
      [3, { frameworks: [], pid: A.pid }, /lacks its list/],
      [4, agentDocument([]), /state of an agent/],
      [99, master([web0, web1], { ...A, slaves: [S0, S1] }), BOTH],
    ],
  },
  {
    says: 'a standby is refused, elected before or not',
    steps: [
      [0, full(A), BOTH],
      [1, none({ ...B, elected_time: null, leader: A.leader }), /never elected/],
      [2, none({ ...B, leader: A.leader }), /does not lead/],
      [3, none({ ...B, elected_time: null, leader: null }), /never elected/],
    ],
  },
  {
    says: 'a standby is refused from the start',
    steps: [
      [0, full({ ...B, elected_time: null, leader: A.leader }), /does not lead/],
      [1, full(A), BOTH],
    ],
  },
  {
    says: 'until a leader answers, a master that was elected is better than nothing',
    steps: [
      [0, full({ ...A, leader: B.leader }), BOTH],
      [1, full({ ...A, leader: B.leader }), BOTH],
      [2, none(B), BOTH],
      [3, full({ ...A, leader: B.leader }), /does not lead/],
    ],
  },
  {
    says: 'a deposed master neither resurrects nor removes',
    steps: [
      [0, full(A), BOTH],
      [1, master([web1], { ...B, slaves: [S0, S1] }), '10.20.0.11:8001'],
      [1.1, full(A), /stale/],
      [1.2, none(A), /stale/],
      [1.3, master([web1], { ...B, slaves: [S0, S1] }), '10.20.0.11:8001'],
      [5, full(A), /stale/],
    ],
  },
  {
    says: 'a leader whose clock is behind is believed after a minute',
    steps: [
      [0, full(B), BOTH],
      [1, none(A), /stale/],
      [1.5, none(A), /stale/],
      [2, none(A), BOTH],
      [3, full(A), BOTH],
      [4, none(A), ''],
    ],
  },
];

for (const { says, steps } of stories) {
  test(says, (t) => {
    let view: MasterView | undefined;
    for (const [minutes, document, stands] of steps) {
      const step = stepMaster(view, readMesosState(document), minutes * MINUTE);
      view = step.view;
      if (step.kind === 'refused') {
        t.regex(step.reason, stands instanceof RegExp ? stands : /^$/, `at ${minutes} minutes`);
      } else {
        const backends = [...step.vips.values()].flatMap((set) => [...set].map(formatEndpoint)).sort();
        t.is(
          backends.join(' '),
          stands instanceof RegExp ? `refused: ${stands}` : stands,
          `at ${minutes} minutes`,
        );
      }
    }
  });
}

test('holding is told, naming the agents', (t) => {
  const first = stepMaster(undefined, readMesosState(full(A)), 0);
  const second = stepMaster(first.view, readMesosState(none(B)), 1);
  t.is(second.kind, 'taken');
  if (second.kind === 'taken') t.regex(second.warnings[0]?.item ?? '', /S0, S1/);
});

test('the times are the documented ones', (t) => {
  t.is(HOLD_AFTER_FAILOVER_MS, 900_000);
  t.is(STALE_MASTER_MS, 60_000);
});
