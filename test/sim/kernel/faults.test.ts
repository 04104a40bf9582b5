import test from 'ava';
import { formatEndpoint } from '../../../src/core/endpoint.js';
import type { HandshakeEvent, Mapping } from '../../../src/ports/conntrack.js';
import type { FirewallResult } from '../../../src/ports/firewall.js';
import { KernelError } from '../../../src/ports/kernel-error.js';
import { PLAN, TwoHosts, VIP } from './two-hosts.js';

async function intercepted(): Promise<TwoHosts> {
  const world = new TwoHosts();
  await world.intercept();
  world.server.listen(world.backend);
  return world;
}

function mapping(world: TwoHosts, port: number): Mapping {
  const client = (world.hosts[0].address * 65_536 + port) as Mapping['client'];
  return { client, vip: VIP, backend: world.backend, source: undefined };
}

test('requests for entries fail as often as they are to, each as the kernel would have it', async (t) => {
  const rows = [
    ['ENOMEM', [{ kind: 'full' }, { kind: 'made' }]],
    ['EPERM', [{ kind: 'error', code: 'EPERM' }, { kind: 'made' }]],
    ['EEXIST', [{ kind: 'exists', entry: undefined }, { kind: 'made' }]],
    ['EBUSY', [{ kind: 'error', code: 'EBUSY' }, { kind: 'made' }]],
  ] as const;
  for (const [code, outcomes] of rows) {
    const world = await intercepted();
    world.client.faults.failRequests('conntrack-map', code, 1);
    t.deepEqual(world.ports.conntrack.map([mapping(world, 1), mapping(world, 2)]), [...outcomes]);
  }
});

test('answers that overran the socket are an error although the entries were made', async (t) => {
  const world = await intercepted();
  world.client.faults.failRequests('conntrack-map', 'ENOBUFS', 1);
  t.throws(() => world.ports.conntrack.map([mapping(world, 1), mapping(world, 2)]), {
    instanceOf: KernelError,
  });
  t.is(world.ports.conntrack.countOurs(), 2);
});

test('the other requests that can fail', async (t) => {
  const world = await intercepted();
  const { faults } = world.client;
  const { conntrack, firewall, routes } = world.ports;
  conntrack.map([mapping(world, 1)]);
  faults.failRequests('conntrack-lookup', 'EINTR', 1);
  t.throws(() => conntrack.lookup([mapping(world, 1)]), { instanceOf: KernelError });
  faults.failRequests('conntrack-lookup', 'ENOENT', 1);
  t.deepEqual(conntrack.lookup([mapping(world, 1)]), [undefined]);
  faults.failRequests('routes', 'ENOBUFS', 1);
  t.throws(() => routes.lookup(world.hosts[1].address), { instanceOf: KernelError });
  faults.failRequests('heartbeat', 'EPERM', 1);
  t.false(firewall.heartbeat(PLAN));
  t.true(firewall.heartbeat(PLAN));
});

test('a verdict that the kernel does not take leaves the SYN outstanding', async (t) => {
  const world = await intercepted();
  const queue = world.ports.queues.open(PLAN.firstQueue);
  queue.receive(() => {});
  world.call();
  await world.pass(10);
  const ids = queue.outstanding().map(({ id }) => id);
  world.client.faults.failRequests('verdict', 'ENOBUFS', 1);
  t.throws(() => queue.verdict(ids, 'accept'), { instanceOf: KernelError });
  t.is(queue.outstanding().length, 1);
  queue.verdict(ids, 'accept');
  t.is(queue.outstanding().length, 0);
});

test('tools fail, are slow, wait for a lock and are given up', async (t) => {
  const rows = [
    { ms: undefined, code: 'EPERM', ensure: 'EPERM', replace: 'EPERM', tookMs: 30 },
    { ms: 2_000, code: undefined, ensure: 'ok', replace: 'ok', tookMs: 2_000 },
    { ms: 6_000, code: undefined, ensure: 'EBUSY', replace: 'ok', tookMs: 5_000 },
    { ms: 30_000, code: undefined, ensure: 'EBUSY', replace: 'ETIMEDOUT', tookMs: 5_000 },
  ] as const;
  for (const { ms, code, ensure, replace, tookMs } of rows) {
    const world = await intercepted();
    const { faults } = world.client;
    const undo = ms === undefined ? () => {} : faults.slowTools(ms);
    if (code !== undefined)
      for (const port of ['iptables', 'ipset'] as const) faults.failRequests(port, code, 1);
    const answers: Record<string, string> = {};
    let ensuredMs = 0;
    const fromMs = world.engine.nowMs;
    const note = (name: string) => (result: FirewallResult<unknown>) => {
      answers[name] = result.ok ? 'ok' : result.code;
    };
    world.ports.firewall.ensure(PLAN, (result) => {
      ensuredMs = world.engine.nowMs - fromMs;
      note('ensure')(result);
    });
    world.ports.addressSet.replace(PLAN.ipset, [VIP], note('replace'));
    await world.pass(60_000);
    undo();
    t.deepEqual(answers, { ensure, replace });
    t.true(ensuredMs <= tookMs + 1 && ensuredMs > 0, `${ensuredMs} ms`);
  }
});

test('rules that somebody flushes are gone until they are put back', async (t) => {
  const world = await intercepted();
  world.place(() => world.backend);
  const { firewall } = world.ports;
  const rows = [
    // Nothing intercepts, so the SYN is refused.
    { table: 'raw', why: 'refused', wrong: ['raw/OUTPUT', 'raw/PREROUTING'] },
    // What is placed needs no refusal.
    {
      table: 'filter',
      why: undefined,
      wrong: ['answers/INPUT', 'answers/FORWARD', 'answers/OUTPUT', 'filter/OUTPUT', 'filter/FORWARD'],
    },
    { table: 'nat', why: undefined, wrong: ['nat hooks'] },
  ] as const;
  for (const { table, why, wrong } of rows) {
    const before = firewall.fingerprint();
    world.client.faults.flushRules(table);
    t.not(firewall.fingerprint(), before);
    const caller = world.call();
    await world.pass(50);
    t.is(caller.why, why, table);
    let answer: readonly string[] = [];
    firewall.ensure(PLAN, (result) => {
      if (result.ok) answer = result.value;
    });
    await world.pass(500);
    t.deepEqual(answer, wrong);
  }
});

test('a connection that stands breaks when no rule asks for tracking any more', async (t) => {
  const world = await intercepted();
  world.place(() => world.backend);
  const caller = world.call();
  await world.pass(50);
  t.deepEqual(caller.told, ['connected']);
  world.client.faults.flushRules(undefined);
  caller.connection.send(1);
  await world.pass(1_000);
  // Its segments go untranslated, to nobody.
  t.deepEqual(caller.told, ['connected']);
  world.ports.firewall.ensure(PLAN, () => {});
  await world.pass(5_000);
  t.deepEqual(caller.told, ['connected', 'data 1']);
});

test('a set that somebody spoils', async (t) => {
  const members = (world: TwoHosts) => {
    const set = world.client.setMembers(PLAN.ipset);
    return set && [...set].map(formatEndpoint);
  };
  const world = await intercepted();
  t.deepEqual(members(world), ['10.1.2.3:5000']);
  world.client.faults.spoilSet('edited');
  t.deepEqual(members(world), ['192.0.2.1:80', '192.0.2.2:80']);
  world.client.faults.spoilSet('emptied');
  t.deepEqual(members(world), []);
  t.is(world.client.standingRules().length, 8);
  world.client.faults.spoilSet('destroyed');
  t.is(members(world), undefined);
  t.is(world.client.standingRules().length, 1);
  t.deepEqual(
    world.happened.flatMap((one) => (one.kind === 'set' ? [[one.size, one.by]] : [])),
    [
      [2, 'fault'],
      [0, 'fault'],
      [undefined, 'fault'],
    ],
  );
});

test('a full table takes no entry and drops SYNs of others; what stands goes on', async (t) => {
  const world = await intercepted();
  world.place(() => world.backend);
  const caller = world.call();
  await world.pass(50);
  const undo = world.client.faults.fillConntrack();
  const { conntrack } = world.ports;
  t.deepEqual(conntrack.map([mapping(world, 9)]), [{ kind: 'full' }]);
  const { count, max } = conntrack.usage();
  t.is(count, max);
  const direct = world.call(world.backend);
  caller.connection.send(1);
  await world.pass(100);
  t.deepEqual(direct.told, []);
  t.deepEqual(caller.told, ['connected', 'data 1']);
  undo();
  await world.pass(1_000);
  t.deepEqual(direct.told, ['connected']);
});

test('answers are lost, with a word or without one', async (t) => {
  for (const told of [true, false]) {
    const world = await intercepted();
    world.place(() => world.backend);
    const events: HandshakeEvent[] = [];
    let lost = 0;
    world.ports.conntrack.observe(
      (some) => events.push(...some),
      () => {
        lost += 1;
      },
    );
    const undo = world.client.faults.loseEvents(1, told);
    world.call();
    await world.pass(50);
    t.deepEqual([events.length, lost], [0, told ? 1 : 0]);
    undo();
    world.call();
    await world.pass(50);
    t.is(events.length, 1);
  }
});

test('a queue that holds less lets more pass', async (t) => {
  const world = await intercepted();
  world.ports.queues.open(PLAN.firstQueue).receive(() => {});
  world.client.faults.limitQueues(1);
  const held = world.call();
  const passing = world.call();
  await world.pass(50);
  t.deepEqual([held.why, passing.why], [undefined, 'refused']);
  t.deepEqual(
    world.happened.flatMap((one) => (one.kind === 'bypassed' ? [one.why] : [])),
    ['full'],
  );
});
