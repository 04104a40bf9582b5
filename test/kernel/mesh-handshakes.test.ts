import { setTimeout as sleep } from 'node:timers/promises';
import type { Probed } from '../../testbed/probe.js';
import { listen, probe } from '../../testbed/probing.js';
import { entriesTo } from '../support/bad-day.js';
import { withBed } from '../support/bed.js';
import { eventually } from '../support/eventually.js';
import { Fleet, type FleetNode, saidOf } from '../support/fleet.js';
import { serialKernelTest } from '../support/prerequisites.js';
import { sendSyns } from '../support/raw-syn.js';

/** Both backends are on nodes of the mesh; that of n3 does not answer. */
const VIP = '10.1.2.3:5000';
const ON_N2 = '10.99.0.2:80';
const ON_N3 = '10.99.0.3:80';
/** Here that one alone: whoever is placed stays placed. */
const ALONE = '10.1.2.4:5000';
/** As silent, but on a machine that is no node, of whose end nobody is told. */
const OUTSIDE = '10.1.2.5:5000';
const ON_OUTSIDER = '10.99.0.9:80';

/** The kernel sends a SYN again after 1, 3, 7 and 15 seconds. */
const FIRST_RETRY_MS = 1_000;
const PATIENCE_MS = 40_000;

serialKernelTest('handshakes under way to a node that dies are given up, and retries go elsewhere', (t) =>
  withBed(t, async (bed) => {
    t.timeout(150_000);
    const fleet = new Fleet(bed);
    const vips = { [VIP]: [ON_N2, ON_N3], [ALONE]: [ON_N3], [OUTSIDE]: [ON_OUTSIDER] };
    // So long that no balancer calls a handshake failed while this test lasts: what moves, the mesh moved.
    await fleet.grow(3, (at) => (at === 1 ? { vips, config: { balancer: { connectTimeout: '60s' } } } : {}));
    const [n1, n2, n3] = fleet.nodes as [FleetNode, FleetNode, FleetNode];
    const outsider = await bed.host('outsider', { address: '10.99.0.9' });
    await fleet.formed();
    await listen(n2.host, 80, 'n2');
    for (const silent of [n3.host, outsider]) {
      await silent.must('iptables', ['-w', '-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'DROP']);
    }
    // As behind a router: SYNs to a machine that is gone leave all the same.
    const mac = /link\/ether (\S+)/.exec(await n3.host.must('ip', ['link', 'show', 'eth0']))?.[1] ?? '';
    const neighbour = ['neigh', 'replace', n3.host.address, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent'];
    await n1.host.must('ip', neighbour);

    const waiting: Promise<readonly Probed[]>[] = [];
    const { answer: placed } = await eventually(
      'a client waits for n3',
      async () => {
        waiting.push(probe(n1.host, VIP, { count: 4, concurrency: 4, timeoutMs: PATIENCE_MS }));
        await sleep(200);
        return entriesTo(n1.host, VIP);
      },
      (entries) => [...entries.values()].includes(ON_N3),
    );
    const stuck = [...placed].filter(([, backend]) => backend === ON_N3).map(([client]) => client);
    // Nobody's kernel sends these again, so that nothing but the daemon takes their entries away.
    for (const to of [ALONE, OUTSIDE]) {
      await sendSyns(n1.host, { source: n1.host.address, to, firstPort: 41_000, count: 5 });
      await eventually(
        `five SYNs to ${to} are placed`,
        () => entriesTo(n1.host, to),
        (entries) => entries.size === 5,
      );
    }
    await sleep(1.5 * FIRST_RETRY_MS);
    const still = await entriesTo(n1.host, VIP);
    t.deepEqual([...new Set(stuck.map((client) => still.get(client)))], [ON_N3], 'while n3 lives they wait');

    const sinceMs = Date.now();
    await n3.host.down();
    await saidOf(n1, 'node-unreachable', 'n3', sinceMs, 20_000);
    const { ms } = await eventually(
      'the entries are gone',
      () => entriesTo(n1.host, ALONE),
      (entries) => entries.size === 0,
      5_000,
    );
    t.log(
      `entries gone ${Date.now() - sinceMs} ms after the link went down, ${ms.toFixed(0)} ms after it was told`,
    );
    t.is((await entriesTo(n1.host, OUTSIDE)).size, 5, 'those to others stay');

    const seen = (await Promise.all(waiting)).flat();
    t.deepEqual(
      [...new Set(seen.map(({ outcome, first }) => `${outcome} ${first?.slice(0, 2)}`))],
      ['connected n2'],
    );
    const moved = seen.filter((each) => stuck.includes(each.from ?? ''));
    t.is(moved.length, stuck.length);
    t.log(`moved by a retry: ${moved.map(({ ms: took }) => `${took.toFixed(0)} ms`)} after the first SYN`);
    t.true(moved.every(({ ms: took }) => took > FIRST_RETRY_MS));
    for (const [, backend] of await entriesTo(n1.host, VIP)) t.is(backend, ON_N2);
    t.deepEqual(n1.log('backend-unavailable'), [], 'no balancer found out by itself');
  }),
);
