import test from 'ava';
import { addressOf, portOf } from '../../../src/core/endpoint.js';
import { Town } from './town.js';

test('short visits connect, ask, hear the echo and go: each is in the journal, and all drain', async (t) => {
  const town = new Town(4);
  town.task(0);
  town.task(1);
  const clients = town.clients();
  await town.engine.run(30_000);
  t.true(clients.started > 850 && clients.started < 1_150, `${clients.started}`);
  t.deepEqual([...clients.ends], [['done', clients.started]]);
  t.is(clients.count, 0);
  const ids = town.of('connecting').map(({ id }) => id);
  t.is(new Set(ids).size, clients.started);
  for (const kind of ['syn', 'connected', 'closed'] as const) {
    t.deepEqual(
      town
        .of(kind)
        .map(({ id }) => id)
        .sort((a, b) => a - b),
      ids,
    );
  }
  for (const { host, client } of town.of('connecting')) {
    t.is(addressOf(client as never), town.hosts.find(({ name }) => name === host)!.address);
  }
  t.true(town.happened.every(({ atMs, what }) => what.kind !== 'connecting' || atMs <= 20_000));
  t.is(new Set(town.of('connecting').map(({ host }) => host)).size, 4);
});

test('visits tell which backend really answered, and how long it took', async (t) => {
  const town = new Town(3);
  const tasks = [town.task(0), town.task(1)];
  town.clients();
  await town.engine.run(30_000);
  const vipOf = new Map(town.of('connecting').map(({ id, vip }) => [id, vip]));
  t.true(town.of('connected').every(({ id, backend }) => backend === vipOf.get(id)));
  t.true(town.of('connected').every(({ tookMs }) => tookMs > 0 && tookMs < 3));
  t.is(new Set(town.of('connected').map(({ backend }) => backend)).size, tasks.length);
});

test('even spacing means even', async (t) => {
  const town = new Town(2);
  town.task(0);
  const clients = town.clients({ spacing: 'even', connectionsPerSecond: 10, stopAtMs: 10_050, reuse: 0 });
  await town.engine.run(20_000);
  t.is(clients.started, 100);
});

test('source ports are used anew at once by some, and it works', async (t) => {
  const town = new Town(2);
  town.task(0);
  const clients = town.clients({ reuse: 0.5 });
  await town.engine.run(120_000);
  const seen = new Set<string>();
  let again = 0;
  for (const { client, vip } of town.of('connecting')) {
    if (seen.has(`${client} ${vip}`)) again += 1;
    seen.add(`${client} ${vip}`);
  }
  t.true(again > clients.started / 3, `${again} of ${clients.started}`);
  t.deepEqual([...clients.ends.keys()], ['done']);
});

test('long visits stay, ask every second, and end when it is time', async (t) => {
  const town = new Town(3);
  town.task(0);
  const clients = town.clients({ connectionsPerSecond: 0, longConnections: 5 });
  await town.engine.run(19_000);
  t.is(clients.count, 5);
  t.is(town.of('connected').length, 5);
  t.is(town.of('closed').length, 0);
  await town.engine.run(30_000);
  t.deepEqual([...clients.ends], [['done', 5]]);
  t.is(clients.count, 0);
});

test('a long visit whose backend ends comes anew', async (t) => {
  const town = new Town(2);
  const task = town.task(0);
  const clients = town.clients({ connectionsPerSecond: 0, longConnections: 1, stopAtMs: 60_000 });
  await town.engine.run(10_000);
  town.backends.onTask(task, 'ended');
  await town.engine.run(11_000);
  town.backends.onTask(task, 'started');
  await town.engine.run(30_000);
  t.is(clients.ends.get('reset'), 1);
  t.is(clients.count, 1);
  t.is(town.of('connected').length, 2);
});

test('connections that somebody cuts are reset for their clients', async (t) => {
  const town = new Town(2);
  town.task(0);
  const clients = town.clients({ connectionsPerSecond: 0, longConnections: 8, stopAtMs: 60_000 });
  await town.engine.run(8_000);
  const fromOther = town.of('connecting').filter(({ host }) => host === 'n2').length;
  t.true(fromOther > 0);
  town.kernels[0]!.severConnections(town.hosts[1]!.address);
  await town.engine.run(8_100);
  t.deepEqual([...clients.ends], [['reset', fromOther]]);
});

test('a machine that is away has no clients, and without VIPs there is nothing to call', async (t) => {
  const town = new Town(2);
  const clients = town.clients({ longConnections: 1 });
  await town.engine.run(1_000);
  t.is(clients.started, 0);
  town.task(0);
  town.away.add('n2');
  await town.engine.run(30_000);
  t.true(clients.started > 400, `${clients.started}`);
  t.deepEqual([...new Set(town.of('connecting').map(({ host }) => host))], ['n1']);
});

const FAULTS = [
  [{ kind: 'backend-refuses', backend: 0 }, 'refused', undefined],
  [{ kind: 'backend-silent', backend: 0 }, 'timeout', undefined],
  [{ kind: 'backend-slow', backend: 0, extraMs: 30 }, 'done', 60],
] as const;
for (const [fault, ends, slowMs] of FAULTS) {
  test(`${fault.kind}, twice: visits end ${ends} until both are over, and then well`, async (t) => {
    const town = new Town(2);
    town.task(0);
    const undos = [town.backends.fault(fault), town.backends.fault(fault)];
    town.clients({ connectionsPerSecond: 2, stopAtMs: 300_000 });
    await town.engine.run(200_000);
    for (const undo of undos) undo();
    await town.engine.run(500_000);
    const begun = new Map<number, number>();
    for (const { atMs, what } of town.happened) if (what.kind === 'connecting') begun.set(what.id, atMs);
    const endsOf = (fromMs: number, untilMs: number): string[] => [
      ...new Set(
        town
          .of('closed')
          .filter(({ id }) => begun.get(id)! >= fromMs && begun.get(id)! < untilMs)
          .map(({ why }) => why),
      ),
    ];
    t.deepEqual(endsOf(0, 50_000), [ends]);
    t.deepEqual(endsOf(200_000, 300_000), ['done']);
    const early = town.of('connected').filter(({ id }) => begun.get(id)! < 50_000);
    t.is(early.length > 0, slowMs !== undefined);
    t.true(early.every(({ tookMs }) => tookMs >= slowMs! && tookMs < slowMs! + 3));
  });
}

test('a fault follows a backend to where it moves, and ends in any order', (t) => {
  const town = new Town(2);
  const task = town.task(0);
  const answers = () => {
    const { behaviour } = town.backends.listenerAt(task.backend) as unknown as {
      behaviour: { answer: string };
    };
    return behaviour.answer;
  };
  const refuse = town.backends.fault({ kind: 'backend-refuses', backend: 0 });
  const hush = town.backends.fault({ kind: 'backend-silent', backend: 0 });
  t.is(answers(), 'silent');
  town.backends.onTask(task, 'started');
  t.is(answers(), 'silent');
  hush();
  t.is(answers(), 'refuse');
  refuse();
  t.is(answers(), 'accept');
});

test('a machine that was switched off and on has its tasks again when they are started', async (t) => {
  const town = new Town(2);
  const task = town.task(0);
  town.network.setUp(town.hosts[0]!, false);
  town.kernels[0]!.shutDown('silent');
  town.network.setUp(town.hosts[0]!, true);
  town.kernels[0]!.boot();
  town.backends.onTask(task, 'started');
  const clients = town.clients({ stopAtMs: 2_000 });
  await town.engine.run(10_000);
  t.deepEqual([...clients.ends.keys()], ['done']);
  t.is(portOf(task.backend), 8000);
});

test('the same seed gives the same load, another seed another', async (t) => {
  const digest = async (seed: number): Promise<string> => {
    const town = new Town(3, seed);
    town.task(0);
    town.clients({ stopAtMs: 3_000, longConnections: 2 });
    await town.engine.run(5_000);
    return town.engine.hash.digest();
  };
  t.is(await digest(1), await digest(1));
  t.not(await digest(1), await digest(2));
});
