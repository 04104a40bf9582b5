import test from 'ava';
import { readPlan } from '../../src/cli/plan-file.js';
import { planOf, SCENARIOS } from '../../src/sim/cluster.js';

const good = planOf({ scenario: 'kernel-chaos', seed: 1, nodes: 4 });
const asFile = (plan: unknown): unknown => JSON.parse(JSON.stringify(plan));
const withFault = (fault: object): unknown => ({ ...good, faults: [{ atMs: 1, durationMs: 2, fault }] });

test('every plan that can be drawn is read back as it was', (t) => {
  for (const { name } of SCENARIOS) {
    for (let seed = 0; seed < 200; seed += 1) {
      const plan = planOf({ scenario: name, seed, nodes: 7 });
      t.deepEqual(asFile(readPlan(asFile(plan))), { ok: true, plan: asFile(plan) });
      t.deepEqual(asFile(readPlan({ result: {}, plan: asFile(plan) })), { ok: true, plan: asFile(plan) });
    }
  }
});

const rows: readonly {
  readonly says: string;
  readonly value: unknown;
  readonly faults: readonly string[];
}[] = [
  { says: 'something else', value: 5, faults: ['plan: must be a section of "key: value" lines, not 5'] },
  {
    says: 'a key that is missing',
    value: { ...good, nodes: undefined },
    faults: ['nodes: is missing; set it to a number'],
  },
  {
    says: 'a fault of a host that is not there',
    value: withFault({ kind: 'panic', host: 'n9', wiped: false }),
    faults: ['faults[0].fault.host: there is no host n9; the plan has 4: n1 to n4'],
  },
  {
    says: 'a partition with hosts that are not there',
    value: withFault({ kind: 'partition', side: ['n1', 'n7'], oneWay: false }),
    faults: ['faults[0].fault.side: there is no host n7; the plan has 4: n1 to n4'],
  },
  {
    says: 'a backend that is not there',
    value: withFault({ kind: 'backend-refuses', backend: 999 }),
    faults: [`faults[0].fault.backend: there is no backend 999; the plan has ${good.backends}, from 0 on`],
  },
  {
    says: 'a name that is none of a host',
    value: withFault({ kind: 'panic', host: 'web1', wiped: false }),
    faults: ['faults[0].fault.host: must be the name of a host such as n1, not "web1"'],
  },
  {
    says: 'a field that the kind of fault has not',
    value: withFault({ kind: 'half-open', host: 'n1', wiped: true }),
    faults: ['faults[0].fault.wiped: is no known key; known here: kind, host'],
  },
  {
    says: 'a time to get well after the end',
    value: { ...good, healMs: 70_000 },
    faults: ['healMs: must not be after the end of the run, which is at 60000 ms'],
  },
];

for (const { says, value, faults } of rows) {
  test(`a plan with ${says} is refused`, (t) => {
    const result = readPlan(asFile(value));
    t.deepEqual(result.ok ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`), faults);
  });
}

test('a plan with a key that nobody knows is told which are known', (t) => {
  const result = readPlan(asFile({ ...good, sead: 1 }));
  const [fault] = result.ok ? [] : result.faults;
  t.is(fault?.path, 'sead');
  for (const key of Object.keys(good))
    t.regex(fault?.message ?? '', new RegExp(`known here: .*\\b${key}\\b`));
});
