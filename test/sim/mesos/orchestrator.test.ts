import test from 'ava';
import type { Endpoint } from '../../../src/core/endpoint.js';
import type { Orchestrator } from '../../../src/sim/mesos/orchestrator.js';
import { lines, MesosVillage } from './cluster.js';

/** Each once, though it may serve two VIPs. */
const backends = (orchestrator: Orchestrator): number =>
  new Set([...orchestrator.vips.values()].flatMap((own) => [...own])).size;

test('the backends are spread over the VIPs, and started', (t) => {
  const village = new MesosVillage({ vips: 4, backends: 10 });
  village.begin();
  t.is(village.orchestrator.vips.size, 4);
  t.is(backends(village.orchestrator), 10);
  t.deepEqual(village.told.slice(0, 2), ['0 started', '1 started']);
  t.deepEqual(village.versions, [1]);
});

test('a task that serves two VIPs is in both, stays when the second goes, and ends with its first', (t) => {
  const village = new MesosVillage();
  village.begin();
  const { orchestrator } = village;
  const { vip, sibling, backend } = orchestrator.task(4)!;
  const serves = (one: Endpoint): boolean => orchestrator.vips.get(one)?.has(backend) === true;
  t.deepEqual([serves(vip), serves(sibling!)], [true, true]);
  orchestrator.removeVip(sibling!);
  t.deepEqual([serves(vip), serves(sibling!)], [true, false]);
  orchestrator.removeVip(vip);
  t.deepEqual([serves(vip), orchestrator.task(4)], [false, undefined]);
});

type Row = readonly [
  does: string,
  act: (orchestrator: Orchestrator) => void,
  told: readonly string[],
  desired: number,
];
const ROWS: readonly Row[] = [
  ['kill', (o) => o.kill(2), ['2 ended'], 8],
  [
    'kill what is gone',
    (o) => {
      o.kill(2);
      o.kill(2);
    },
    ['2 ended'],
    8,
  ],
  ['move', (o) => o.move(2), ['2 started', '2 ended'], 9],
  ['add', (o) => void o.add(), ['9 started'], 10],
  ['let a health check fail', (o) => o.setHealthy(2, false), [], 8],
  [
    'let it fail and succeed',
    (o) => {
      o.setHealthy(2, false);
      o.setHealthy(2, true);
    },
    [],
    9,
  ],
  ['remove a VIP', (o) => o.removeVip(o.task(0)!.vip), ['0 ended', '3 ended', '6 ended'], 6],
  [
    'undo a fault of health checks',
    (o) => o.tasksFault({ kind: 'tasks', how: 'unhealthy', count: 4 })(),
    [],
    9,
  ],
];

for (const [does, act, told, desired] of ROWS) {
  test(`${does}: [${told}], ${desired} backends desired`, async (t) => {
    const village = new MesosVillage();
    village.begin();
    village.told.length = 0;
    const before = village.orchestrator.version;
    act(village.orchestrator);
    t.true(village.orchestrator.version > before);
    t.is(backends(village.orchestrator), desired);
    await village.run(20_000);
    t.deepEqual(village.told, told);
    t.is(backends(village.orchestrator), desired);
    t.deepEqual(
      village.versions,
      village.orchestrator.history.map(({ version }) => version),
    );
  });
}

test('a moved task serves on for ten seconds, undesired, at an endpoint that nobody gets meanwhile', async (t) => {
  const village = new MesosVillage();
  village.begin();
  const old = village.orchestrator.task(2)!;
  village.orchestrator.move(2);
  const now = village.orchestrator.task(2)!;
  t.not(now.backend, old.backend);
  t.not(now.host, old.host);
  t.true(village.orchestrator.vips.get(now.vip)!.has(now.backend));
  t.false(village.orchestrator.vips.get(now.vip)!.has(old.backend));
  await village.run(9_000);
  t.is(village.told.at(-1), '2 started');
  await village.run(11_000);
  t.is(village.told.at(-1), '2 ended');
});

test('a VIP without tasks is gone, or stays without backends where a file names it', (t) => {
  for (const file of [false, true]) {
    const village = new MesosVillage({ vips: 2, backends: 2, file });
    village.begin();
    village.orchestrator.kill(0);
    t.is(village.orchestrator.vips.size, file ? 2 : 1);
    village.orchestrator.removeVip([...village.orchestrator.vips.keys()][0]!);
    t.is(village.orchestrator.vips.size, file ? 1 : 0);
  }
});

test('a machine that is away for 75 seconds loses its tasks until it is back', async (t) => {
  for (const awayMs of [60_000, 90_000]) {
    const village = new MesosVillage({ backends: 30 });
    village.begin();
    const all = lines(village.orchestrator.vips);
    village.orchestrator.hostDown('n1');
    village.told.length = 0;
    await village.run(awayMs);
    t.is(village.orchestrator.isLost('n1'), awayMs > 75_000);
    t.is(JSON.stringify(lines(village.orchestrator.vips)) === JSON.stringify(all), awayMs < 75_000);
    village.orchestrator.hostUp('n1');
    t.deepEqual(lines(village.orchestrator.vips), all);
    const mine = village.orchestrator.tasks().filter(({ host }) => host === 'n1');
    t.deepEqual(
      village.told,
      mine.map(({ number }) => `${number} started`),
    );
    await village.run(200_000);
    t.false(village.orchestrator.isLost('n1'));
  }
});

test('what was desired at an instant can be asked later', async (t) => {
  const village = new MesosVillage();
  village.begin();
  village.at(100, () => village.orchestrator.kill(0));
  await village.run(200);
  t.is(village.orchestrator.desiredAt(99)?.version, 1);
  t.is(village.orchestrator.desiredAt(100)?.version, 2);
  t.is(village.orchestrator.desiredAt(-1), undefined);
});

test('faults of a plan act on that many tasks at once', (t) => {
  for (const [how, desired] of [
    ['kill', 6],
    ['add', 12],
    ['move', 9],
  ] as const) {
    const village = new MesosVillage();
    village.begin();
    village.orchestrator.tasksFault({ kind: 'tasks', how, count: 3 });
    t.is(backends(village.orchestrator), desired, how);
  }
});
