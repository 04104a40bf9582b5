import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { BackendJson } from '../../src/api/vip-json.js';
import { listen, probe } from '../../testbed/probing.js';
import { badDay, entriesTo, eventually, median, ONE, REFUSED_MS, TWO, VIP } from '../support/bad-day.js';
import { type Daemon, startDaemon } from '../support/daemon.js';

/** Quicker than others to try a backend again. */
const BACKOFF_MS = 4_000;
const IMPATIENT = { balancer: { backoff: `${BACKOFF_MS}ms` } };

/** Asks how the second backend does; while it is avoided for sure it must not look healthy. */
async function avoided(t: ExecutionContext, daemon: Daemon): Promise<BackendJson> {
  const [told] = daemon.log('backend-unavailable');
  t.like(told, { vip: VIP, backend: TWO });
  const backend = (await daemon.backends(VIP))[TWO]!;
  if (Date.now() - told!.time < BACKOFF_MS) t.false(backend.is_healthy);
  else t.log('the machine is too slow to see the back-off');
  return backend;
}

badDay('a VIP without backends refuses at once, on the host and behind it', async (t, day) => {
  await listen(day.one, 80, 'one');
  const daemon = await startDaemon(day.client, { vips: { [VIP]: [], '10.1.2.4:80': [ONE] } });
  const container = await day.client.container('c1', { address: '10.88.1.2' });
  for (const from of [day.client, container]) {
    const seen = await probe(from, VIP, { count: 20 });
    const quickest = Math.min(...seen.map(({ ms }) => ms));
    const middle = median(seen.map(({ ms }) => ms));
    t.log(`${from.name}: refused in ${middle.toFixed(2)} ms, median of ${seen.length}`);
    t.deepEqual(
      seen.filter(({ errno }) => errno !== 'ECONNREFUSED'),
      [],
    );
    t.true(quickest < REFUSED_MS, `${quickest} ms`);
    t.true(middle < 10 * REFUSED_MS, `${middle} ms`);
  }
  t.deepEqual(await daemon.backends(VIP), {});
  // The last backend goes while the VIP stays, and comes back.
  t.is((await probe(day.client, '10.1.2.4:80'))[0]?.outcome, 'connected');
  daemon.publish({ '10.1.2.4:80': [] });
  await eventually(
    'refusal',
    () => probe(day.client, '10.1.2.4:80'),
    ([seen]) => seen?.errno === 'ECONNREFUSED',
  );
  daemon.publish({ '10.1.2.4:80': [ONE] });
  await eventually(
    'a connection',
    () => probe(day.client, '10.1.2.4:80'),
    ([seen]) => seen?.outcome === 'connected',
  );
});

badDay('a backend that refuses is avoided after five failures and found again', async (t, day) => {
  await listen(day.one, 80, 'one');
  const daemon = await startDaemon(day.client, { vips: { [VIP]: [ONE, TWO] }, config: IMPATIENT });
  const seen = [];
  const sinceMs = performance.now();
  while (daemon.log('backend-unavailable').length === 0 && seen.length < 200) {
    seen.push(...(await probe(day.client, VIP, { count: 5 })));
    await sleep(20);
  }
  t.regex(String(daemon.log('backend-unavailable')[0]?.reason), /5 failures in a row.*refuses/);
  const refused = seen.filter(({ errno }) => errno === 'ECONNREFUSED');
  // Those beyond five are trials after the back-off, on a machine that took so long.
  t.true(refused.length === 5 || (refused.length > 5 && performance.now() - sinceMs > BACKOFF_MS));
  t.true(Math.min(...refused.map(({ ms }) => ms)) < REFUSED_MS);
  t.like(await avoided(t, daemon), {
    total_failures: refused.length,
    consecutive_failures: refused.length,
    pending_connections: 0,
  });

  await listen(day.two, 80, 'two');
  const { answer, ms } = await eventually(
    'a connection to the second backend',
    () => probe(day.client, VIP, { count: 2 }),
    (pair) => pair.some(({ first }) => first?.startsWith('two ')),
  );
  t.log(`tried again ${ms.toFixed(0)} ms after it listened`);
  t.true(answer.every(({ outcome }) => outcome === 'connected'));
  t.like(await daemon.waitFor('backend-available'), { vip: VIP, backend: TWO });
  t.like((await daemon.backends(VIP))[TWO], { consecutive_failures: 0, is_healthy: true });
});

for (const { what, cut, mend } of [
  {
    what: 'drops what comes',
    cut: ['iptables', '-w', '-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'DROP'],
    mend: ['iptables', '-w', '-F', 'INPUT'],
  },
  {
    what: 'is cut off',
    cut: ['ip', 'link', 'set', 'eth0', 'down'],
    mend: ['ip', 'link', 'set', 'eth0', 'up'],
  },
]) {
  badDay(`a backend that ${what} costs a client one retry, and is avoided after five`, async (t, day) => {
    const run = (command: readonly string[]) => day.two.must(command[0]!, command.slice(1));
    await listen(day.one, 80, 'one');
    await listen(day.two, 80, 'two');
    // As behind a router: a neighbour that does not answer the client's own ARP makes its kernel hold the SYN
    // back, send no retry, and give up after three seconds, whatever anybody translates.
    const mac = /link\/ether (\S+)/.exec(await day.two.must('ip', ['link', 'show', 'eth0']))?.[1] ?? '';
    const neighbour = ['neigh', 'replace', '10.99.0.3', 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent'];
    await day.client.must('ip', neighbour);
    await run(cut);
    const daemon = await startDaemon(day.client, { vips: { [VIP]: [ONE, TWO] }, config: IMPATIENT });
    let moved = 0;
    for (let port = 40_000; daemon.log('backend-unavailable').length === 0 && port < 40_060; port++) {
      const [seen] = await probe(day.client, VIP, { sourcePort: port, timeoutMs: 10_000 });
      t.is(seen?.outcome, 'connected', JSON.stringify(seen));
      t.regex(seen?.first ?? '', /^one /);
      t.is((await entriesTo(day.client, VIP)).get(`10.99.0.1:${port}`), ONE);
      // The kernel's first retry of a SYN is a second after it.
      if (seen!.ms > 900) moved += 1;
    }
    t.log(`${moved} connections moved by their first retry`);
    t.true(moved >= 4, `${moved}`);
    t.regex(String(daemon.log('backend-unavailable')[0]?.reason), /5 failures in a row.*no answer/);
    t.like(await avoided(t, daemon), { total_failures: 5, total_successes: 0 });
    t.regex(await daemon.get('/metrics'), /minuteman_mappings_total\{outcome="exists-moved"\} [4-9]/);

    await run(mend);
    await eventually(
      'a connection to the second backend',
      () => probe(day.client, VIP, { count: 2, timeoutMs: 10_000 }),
      (pair) => pair.some(({ first }) => first?.startsWith('two ')),
    );
    t.like(await daemon.waitFor('backend-available'), { vip: VIP, backend: TWO });
  });
}
