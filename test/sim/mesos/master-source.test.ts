import test from 'ava';
import { readMesosState } from '../../../src/core/mesos/state.js';
import { stateDocument } from '../../../src/sim/mesos/state-document.js';
import type { Fault } from '../../../src/sim/plan/plan.js';
import { Follower, lines, MesosVillage } from './cluster.js';

test('the truth arrives: as a whole, then unchanged, then by its differences', async (t) => {
  const village = new MesosVillage();
  village.begin();
  const follower = new Follower(village.source(0));
  follower.read();
  await village.run(1_000);
  t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
  follower.read();
  await village.run(2_000);
  village.orchestrator.kill(0);
  follower.read();
  await village.run(3_000);
  t.is(follower.last, 'unchanged', 'the master may serve what it knew, for five seconds');
  await village.run(6_000);
  follower.read();
  await village.run(7_000);
  t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
  t.deepEqual(
    follower.readings.map((reading) =>
      reading.kind === 'changed' ? `changed ${reading.reset}` : reading.kind,
    ),
    ['changed true', 'unchanged', 'unchanged', 'changed false'],
  );
  t.is(village.master.served.length, 2);
  t.deepEqual(lines(village.master.served[1]!.vips), lines(village.orchestrator.vips));
});

test('documents hold tasks of every kind, and are read without a warning', (t) => {
  const village = new MesosVillage({ backends: 30 });
  village.begin();
  village.orchestrator.setHealthy(3, false);
  village.orchestrator.move(4);
  const leadership = { electedTime: 1, id: 'a', pid: 'master@10.0.0.1:5050', leader: 'master@10.0.0.1:5050' };
  const agents = village.hosts.map((host) => ({ host, active: true }));
  const read = readMesosState(stateDocument(leadership, agents, village.orchestrator.tasks()));
  if (!read.ok) return t.fail(read.reason);
  t.deepEqual(read.state.warnings, []);
  t.is(read.state.registered.size, 3);
});

type Trouble = Extract<Fault, { kind: 'master' }>['how'];
const TROUBLES: readonly (readonly [how: Trouble, says: RegExp])[] = [
  ['down', /connection refused/],
  ['hanging', /no complete answer within 10000 ms/],
  ['error-500', /answered 500/],
  ['truncated', /cut short/],
  ['garbage', /not JSON/],
  ['empty', /not JSON|neither "slaves" nor "frameworks"/],
  ['stale', /elected before the one last heard/],
  ['standby', /never elected/],
];

for (const [how, says] of TROUBLES) {
  test(`a master that is ${how} is refused, nothing is lost, and afterwards all is well`, async (t) => {
    const village = new MesosVillage();
    village.begin();
    const follower = new Follower(village.source(0));
    follower.read();
    await village.run(1_000);
    const before = lines(follower.vips);
    const undo = village.master.fault({ kind: 'master', how });
    village.orchestrator.kill(0);
    for (let n = 0; n < 4; n += 1) {
      follower.read();
      await village.run(village.engine.nowMs + 12_000);
      t.regex(follower.last, says);
      t.deepEqual(lines(follower.vips), before);
    }
    undo();
    follower.read();
    await village.run(village.engine.nowMs + 1_000);
    t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
  });
}

test('of several troubles the last shows, and each may end first', async (t) => {
  const village = new MesosVillage();
  village.begin();
  const follower = new Follower(village.source(0));
  const ask = async (): Promise<string> => {
    follower.read();
    await village.run(village.engine.nowMs + 11_000);
    return follower.last;
  };
  const undoDown = village.master.fault({ kind: 'master', how: 'down' });
  const undoBroken = village.master.fault({ kind: 'master', how: 'error-500' });
  t.regex(await ask(), /500/);
  undoBroken();
  t.regex(await ask(), /refused/);
  const undoBrokenAgain = village.master.fault({ kind: 'master', how: 'error-500' });
  undoDown();
  t.regex(await ask(), /500/);
  undoBrokenAgain();
  t.is(await ask(), 'changed');
});

test('after a fail-over agents come back one by one, and no VIP vanishes meanwhile', async (t) => {
  const village = new MesosVillage({ hosts: 12, vips: 6, backends: 36 });
  village.begin();
  const follower = new Follower(village.source(0));
  follower.read();
  await village.run(1_000);
  const all = lines(village.orchestrator.vips);
  village.master.fault({ kind: 'master', how: 'fail-over' });
  const registered: number[] = [];
  const failures: string[] = [];
  for (let n = 0; n < 100; n += 1) {
    follower.read();
    await village.run(village.engine.nowMs + 2_000);
    t.deepEqual(lines(follower.vips), all);
    registered.push(village.master.document().registered.size);
    if (follower.readings.at(-1)!.kind === 'failed') failures.push(follower.last);
  }
  t.true(failures.length > 0 && failures.every((reason) => /503/.test(reason)));
  t.true(registered[0]! < 6);
  t.is(registered.at(-1), 12);
  const before = lines(village.orchestrator.vips);
  village.orchestrator.kill(1);
  await village.run(village.engine.nowMs + 6_000);
  follower.read();
  await village.run(village.engine.nowMs + 1_000);
  t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
  t.notDeepEqual(lines(follower.vips), before);
});

test('an agent whose machine is away registers when it is back', async (t) => {
  const village = new MesosVillage();
  village.begin();
  village.orchestrator.hostDown('n2');
  village.master.fault({ kind: 'master', how: 'fail-over' });
  await village.run(200_000);
  t.false(village.master.document().registered.has('n2'));
  village.orchestrator.hostUp('n2');
  await village.run(500_000);
  t.true(village.master.document().registered.has('n2'));
});

test('the network has its say: a partition is a time-out, loss a delay', async (t) => {
  const village = new MesosVillage();
  village.begin();
  const follower = new Follower(village.source(0));
  const undo = village.network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: false });
  follower.read();
  await village.run(10_000);
  t.regex(follower.last, /no connection within 3000 ms/);
  undo();
  village.network.faults.loss({ kind: 'loss', from: undefined, to: undefined, probability: 0.2 });
  for (let n = 0; n < 20; n += 1) {
    follower.read();
    await village.run(village.engine.nowMs + 10_500);
  }
  t.true(follower.readings.filter(({ kind }) => kind !== 'failed').length >= 15);
  t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
});

test('a source that is closed answers what it was asked, and is read no more; one reading at a time', async (t) => {
  const village = new MesosVillage();
  village.begin();
  const source = village.source(0);
  const follower = new Follower(source);
  follower.read();
  t.throws(() => follower.read(), { message: /is being read already/ });
  source.close();
  await village.run(20_000);
  t.regex(follower.last, /was closed/);
  t.is(follower.readings.length, 1);
});

test('a daemon that is killed in the middle of a reading hears nothing', async (t) => {
  const village = new MesosVillage();
  village.begin();
  const follower = new Follower(village.source(0));
  follower.read();
  village.at(1, () => village.processes[0]!.end());
  await village.run(20_000);
  t.is(follower.last, 'none');
});
