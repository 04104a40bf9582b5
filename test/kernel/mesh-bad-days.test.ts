import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, probe } from '../../testbed/probing.js';
import { withBed } from '../support/bed.js';
import { eventually } from '../support/eventually.js';
import { Fleet, type FleetNode, members, reachable } from '../support/fleet.js';
import { serialKernelTest } from '../support/prerequisites.js';

const WITHOUT_KERNEL = { config: { dataPlane: { enabled: false } } };
const VIP = '10.1.2.3:5000';
/** Time enough for neighbours to be cut and to find each other again, over and over. */
const LONG_MS = 12_000;

/** Each of the nodes' lines of these events, as text. */
function told(nodes: readonly FleetNode[], ...events: readonly string[]): readonly string[] {
  return nodes.flatMap((node) =>
    events.flatMap((event) => node.log(event).map(({ msg }) => `${node.host.name} ${event}: ${msg}`)),
  );
}

serialKernelTest('a node that may not write its members down says so once, and is a member', (t) =>
  withBed(t, async (bed) => {
    const directory = mkdtempSync(join(tmpdir(), 'minuteman-read-only-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const through = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      `mount -t tmpfs -o ro tmpfs ${directory} && exec "$@"`,
    ];
    const fleet = new Fleet(bed);
    await fleet.grow(2, () => WITHOUT_KERNEL);
    const stateFile = join(directory, 'members.json');
    await fleet.grow(1, () => ({ ...WITHOUT_KERNEL, through: [...through, 'sh'], mesh: { stateFile } }));
    await fleet.formed();
    const n3 = fleet.node('n3');
    t.like(await n3.waitFor('members-not-saved'), { level: 40, path: stateFile });
    t.regex(n3.log('members-not-saved')[0]!.msg, /cannot be written \(EROFS\).*Is mesh\.stateFile on a disk/);
    // Further members are further attempts.
    await fleet.grow(1, () => WITHOUT_KERNEL);
    await fleet.formed();
    t.is(n3.log('members-not-saved').length, 1);
    t.deepEqual(readdirSync(directory), []);
    t.deepEqual(await n3.stop(), { code: 0, signal: null }, 'nor is it a reason not to end in order');
  }),
);

serialKernelTest(
  'a node whose contacts are all dead serves alone, and is found when one of them comes',
  (t) =>
    withBed(t, async (bed) => {
      const fleet = new Fleet(bed);
      const one = await bed.host('one', { address: '10.99.0.9' });
      await listen(one, 80, 'one');
      // A machine that is not there, one that refuses, and n2, which is not started yet.
      const contacts = ['10.99.0.50:61420', '10.99.0.9:61420', '10.99.0.2:61420'];
      await fleet.grow(1, () => ({ vips: { [VIP]: ['10.99.0.9:80'] }, mesh: { contacts } }));
      const n1 = fleet.node('n1');
      const n2 = await fleet.place(2, { mesh: { contacts: [] } });
      await sleep(5_000);
      t.deepEqual(await reachable(n1), ['n1']);
      t.is((await probe(n1.host, VIP))[0]?.first?.slice(0, 3), 'one');
      t.is(JSON.parse(await n1.get('/healthz')).ok, true);
      await n2.start();
      const ms = await fleet.formed(fleet.nodes, 60_000);
      t.log(`found ${ms.toFixed(0)} ms after it was started`);
      t.is((await probe(n1.host, VIP))[0]?.first?.slice(0, 3), 'one');
    }),
);

serialKernelTest('two nodes of which one does not hear the other stay members, by way of a third', (t) =>
  withBed(t, async (bed) => {
    t.timeout(120_000);
    const fleet = new Fleet(bed);
    await fleet.grow(3, () => WITHOUT_KERNEL);
    await fleet.formed();
    const [n1, n2, n3] = fleet.nodes as [FleetNode, FleetNode, FleetNode];
    const distance = async (from: FleetNode, to: FleetNode) =>
      (await members(from)).members.find(({ name }) => name === to.host.name)?.distance;
    for (const [from, to] of [
      [n1, n2],
      [n1, n3],
      [n2, n3],
    ] as const) {
      await eventually(
        `${from.host.name} is linked to ${to.host.name}`,
        () => distance(from, to),
        (d) => d === 1,
      );
    }

    // What n1 sends does not arrive at n2, what n2 sends arrives at n1.
    const rule = ['INPUT', '-s', n1.host.address, '-j', 'DROP'];
    await n2.host.must('iptables', ['-w', '-A', ...rule]);
    for (const [from, to] of [
      [n1, n2],
      [n2, n1],
    ] as const) {
      const { ms } = await eventually(
        `${from.host.name} reaches ${to.host.name} by way of n3`,
        () => distance(from, to),
        (d) => d === 2,
      );
      t.log(`${from.host.name} goes by way of n3 after ${ms.toFixed(0)} ms`);
    }
    await sleep(LONG_MS);
    for (const node of fleet.nodes) t.deepEqual(await reachable(node), ['n1', 'n2', 'n3'], node.host.name);
    for (const [node, other] of [
      [n1, 'n2'],
      [n2, 'n1'],
    ] as const) {
      const cuts = node.log('neighbour-cut').filter((line) => line.node === other);
      t.true(cuts.length <= 1, 'a link that cannot be is not made and cut in turn');
    }

    await n2.host.must('iptables', ['-w', '-D', ...rule]);
    await sleep(2_000);
    await fleet.formed();
    t.deepEqual(
      told(fleet.nodes, 'node-unreachable', 'actor-restarted'),
      [],
      'nobody was ever taken for dead',
    );
  }),
);

serialKernelTest('the time of day jumps by a day and back, and nothing comes of it', (t) =>
  withBed(t, async (bed) => {
    t.timeout(120_000);
    const env = { NODE_OPTIONS: `--import ${new URL('../support/jumping-clock.js', import.meta.url)}` };
    const fleet = new Fleet(bed);
    await fleet.grow(3, () => ({
      env,
      sources: [{ type: 'http' }],
      mesh: { forgetAfter: '1h' },
    }));
    await fleet.formed();
    const [n1, n2, n3] = fleet.nodes as [FleetNode, FleetNode, FleetNode];
    // Much less than the jump, much more than the test takes.
    const lease = `/v1/vips/${VIP}/backends/10.99.0.2:80?ttl=1h`;
    await n2.host.must('curl', ['-sSf', '-X', 'PUT', `http://127.0.0.1:61421${lease}`]);
    const known = async (node: FleetNode) => Object.keys(await node.backends(VIP));
    const everywhere = async () => {
      for (const node of fleet.nodes) {
        await eventually(
          `${node.host.name} knows the lease`,
          () => known(node),
          (backends) => backends.join() === '10.99.0.2:80',
        );
      }
    };
    await everywhere();
    // One ahead of the others, then all of them, then all but one, then none.
    for (const jumping of [[n2], [n1, n3], [n2], [n1, n3]]) {
      for (const node of jumping) {
        const before = node.program.lines.filter((line) => line.startsWith('the clock')).length;
        node.program.kill('SIGUSR2');
        await eventually(
          'the clock jumped',
          () => node.program.lines.filter((line) => line.startsWith('the clock')).length,
          (count) => count > before,
        );
      }
      await sleep(3_000);
      for (const node of fleet.nodes) {
        t.deepEqual(await reachable(node), ['n1', 'n2', 'n3'], node.host.name);
        t.deepEqual(await known(node), ['10.99.0.2:80'], node.host.name);
      }
    }
    // A node that starts while another one's clock is ahead is known like any other.
    n2.program.kill('SIGUSR2');
    await sleep(500);
    t.is((await n3.stop()).code, 0);
    await n3.start();
    await fleet.formed();
    await everywhere();
    t.deepEqual(
      told(fleet.nodes, 'actor-restarted').concat(
        told([n1, n2], 'node-unreachable').filter((line) => !line.includes('left in good order')),
      ),
      [],
    );
  }),
);
