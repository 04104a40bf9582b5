import { readFileSync } from 'node:fs';
import { listen, probe } from '../../testbed/probing.js';
import { withBed } from '../support/bed.js';
import type { Daemon } from '../support/daemon.js';
import { eventually } from '../support/eventually.js';
import { Fleet, type FleetNode, type FleetNodeOptions } from '../support/fleet.js';
import { startInside } from '../support/inside.js';
import type { MasterPart } from '../support/master-part.js';
import { serialKernelTest } from '../support/prerequisites.js';

const FILED = '10.1.0.1:5000';
const LEASED = '10.1.0.2:5000';
/** What the agent's state in the fixtures says. */
const TASK = '10.40.1.2:80';
const AGENT = new URL('../../../../test/fixtures/mesos/agent.json', import.meta.url);
const PARTS = new URL('../support/master-part.js', import.meta.url);
/** News are everywhere in a fraction of a second on a machine at rest. */
const NEWS_MS = 10_000;

type VipsJson = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function vips(node: Daemon): Promise<VipsJson> {
  return (JSON.parse(await node.get('/vips')) as { readonly vips: VipsJson }).vips;
}

/** Each node comes to list just these backends behind the VIP; undefined: it does not know the VIP. */
async function everywhere(
  nodes: readonly FleetNode[],
  vip: string,
  backends: readonly string[] | undefined,
  timeoutMs = NEWS_MS,
): Promise<void> {
  for (const node of nodes) {
    await eventually(
      `${node.host.name} has ${backends?.join(', ') ?? 'nothing'} behind ${vip}`,
      async () => (await vips(node))[vip],
      (found) => (found && Object.keys(found).sort().join()) === backends?.join(),
      timeoutMs,
    );
  }
}

serialKernelTest('what one node serves is known to all, and clients anywhere connect to it', (t) =>
  withBed(t, async (bed) => {
    t.timeout(180_000);
    const fleet = new Fleet(bed);
    const taskSource = {
      type: 'mesos-agent',
      url: 'http://10.99.0.4:5051',
      pollInterval: '200ms',
      expiry: '2s',
    };
    const kinds: Readonly<Record<number, FleetNodeOptions>> = {
      2: { vips: { [FILED]: ['10.99.0.2:80', '127.0.0.1:80'] }, advertise: true },
      3: { sources: [{ type: 'http' }] },
      4: { sources: [taskSource] },
    };
    for (let at = 1; at <= 4; at += 1) await fleet.place(at, kinds[at]);
    const [n1, n2, n3, n4] = fleet.nodes as [FleetNode, FleetNode, FleetNode, FleetNode];
    const state: unknown = JSON.parse(readFileSync(AGENT, 'utf8'));
    const part: MasterPart = { address: '10.99.0.4', port: 5051, state, behaviour: { as: 'plain' } };
    const agent = await startInside(n4.host, PARTS, 'playMaster', part);
    await agent.waitForLine(/^listening$/);
    await Promise.all([listen(n2.host, 80, 'n2'), listen(n3.host, 80, 'n3')]);
    await Promise.all(fleet.nodes.map((node) => node.start()));
    await Promise.all(fleet.nodes.map((node) => node.waitFor('ready')));
    await fleet.formed();

    await everywhere([n1, n3, n4], FILED, ['10.99.0.2:80']);
    await everywhere([n2], FILED, ['10.99.0.2:80', '127.0.0.1:80']);
    await everywhere(fleet.nodes, TASK, ['10.20.0.14:12600']);
    for (const client of [n1, n4]) {
      await eventually(
        `${client.host.name} places a connection`,
        () => probe(client.host, FILED),
        ([seen]) => seen?.first?.startsWith('n2 ') === true,
      );
    }

    const lease = (method: string, backend: string, ttl = '') =>
      n3.host.must('curl', [
        ...['-sS', '--fail-with-body', '-X', method],
        `http://127.0.0.1:61421/v1/vips/${LEASED}/backends/${backend}${ttl}`,
      ]);
    await lease('PUT', '10.99.0.3:80', '?ttl=1h');
    await lease('PUT', '10.99.0.2:80', '?ttl=3s');
    const sinceMs = performance.now();
    await everywhere(fleet.nodes, LEASED, ['10.99.0.2:80', '10.99.0.3:80'], 2_500);
    await everywhere(fleet.nodes, LEASED, ['10.99.0.3:80']);
    t.true(performance.now() - sinceMs > 2_900, 'not before its time');
    await eventually(
      'a client on another node connects through the lease',
      () => probe(n1.host, LEASED),
      ([seen]) => seen?.first?.startsWith('n3 ') === true,
    );

    agent.kill('SIGKILL');
    await n4.waitFor('source-expired');
    await everywhere(fleet.nodes, TASK, undefined);

    n3.program.kill('SIGKILL');
    for (const node of [n1, n2, n4]) {
      await eventually(
        `${node.host.name} passes over what the dead node served`,
        async () => (await vips(node))[LEASED]?.['10.99.0.3:80'],
        (backend) => (backend as { is_reachable?: boolean } | undefined)?.is_reachable === false,
      );
    }
    t.deepEqual(
      fleet.nodes.flatMap((node) => node.log('actor-restarted')),
      [],
    );
  }),
);

serialKernelTest('what a dead node served is forgotten in the end', (t) =>
  withBed(t, async (bed) => {
    const fleet = new Fleet(bed);
    const mesh = { forgetAfter: '3s' };
    await fleet.grow(3, (at) => ({ mesh, sources: at === 3 ? [{ type: 'http' }] : [] }));
    await fleet.formed();
    const [n1, n2, n3] = fleet.nodes as [FleetNode, FleetNode, FleetNode];
    const url = `http://127.0.0.1:61421/v1/vips/${LEASED}/backends/10.99.0.3:80?ttl=1h`;
    await n3.host.must('curl', ['-sS', '-X', 'PUT', url]);
    await everywhere(fleet.nodes, LEASED, ['10.99.0.3:80']);
    n3.program.kill('SIGKILL');
    await everywhere([n1, n2], LEASED, undefined);
    t.pass();
  }),
);
