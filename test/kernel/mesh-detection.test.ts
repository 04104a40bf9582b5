import { rmSync } from 'node:fs';
import { listen, probe } from '../../testbed/probing.js';
import { withBed } from '../support/bed.js';
import { eventually } from '../support/eventually.js';
import { Fleet, type FleetNode, members, mesh, saidOf } from '../support/fleet.js';
import { serialKernelTest } from '../support/prerequisites.js';

/** Ten times what it takes on a machine that is at rest. */
const SILENCE_MS = 9_000;
const CLOSED_MS = 2_000;
const FORMED_MS = 20_000;
const VIP = '10.1.2.3:5000';

/** All but `gone` say that of it; answers how long each took, in whole milliseconds. */
async function told(
  fleet: Fleet,
  gone: FleetNode,
  event: 'node-reachable' | 'node-unreachable',
  sinceMs: number,
): Promise<readonly number[]> {
  const witnesses = fleet.others(gone).filter(({ program }) => program.running);
  const lines = await Promise.all(
    witnesses.map((node) => saidOf(node, event, gone.host.name, sinceMs, 2 * SILENCE_MS)),
  );
  return lines.map(({ time }) => time - sinceMs).sort((a, b) => a - b);
}

serialKernelTest('a mesh of five daemons knows who is gone, and who is back', (t) =>
  withBed(t, async (bed) => {
    t.timeout(180_000);
    const fleet = new Fleet(bed);
    await fleet.grow(5, () => ({ vips: { [VIP]: ['10.99.0.4:80', '10.99.0.5:80'] } }));
    const [n1, , n3, n4, n5] = fleet.nodes as [FleetNode, FleetNode, FleetNode, FleetNode, FleetNode];
    const formedMs = await fleet.formed();
    t.log(`formed ${formedMs.toFixed(0)} ms after the last was ready`);
    t.true(formedMs < FORMED_MS);
    for (const node of fleet.nodes) {
      const list = await members(node);
      t.is(list.self, node.host.name);
      t.deepEqual(
        list.members.map(({ name, address }) => `${name} ${address}`),
        fleet.nodes.map(({ host }) => `${host.name} ${host.address}`),
      );
      const self = list.members.find(({ name }) => name === node.host.name);
      t.like(self, { reachable: true, distance: 0, active: false });
    }
    const { adjacency } = (
      await eventually(
        'links that both ends list',
        () => mesh(n1),
        ({ adjacency: links }) =>
          Object.entries(links).every(([name, listed]) =>
            listed.every((peer) => links[peer]?.includes(name)),
          ),
      )
    ).answer;
    t.true(Object.values(adjacency).every((listed) => listed.length > 0));

    await Promise.all([listen(n4.host, 80, 'n4'), listen(n5.host, 80, 'n5')]);
    const everywhere = await probe(n1.host, VIP, { count: 60 });
    t.deepEqual([...new Set(everywhere.map(({ first }) => first?.slice(0, 2)))].sort(), ['n4', 'n5']);

    let sinceMs = Date.now();
    await n5.host.down();
    const silent = await told(fleet, n5, 'node-unreachable', sinceMs);
    t.log(`link down: told after ${silent.join(', ')} ms`);
    t.true(silent.at(-1)! < SILENCE_MS);
    const avoided = await probe(n1.host, VIP, { count: 30 });
    t.deepEqual([...new Set(avoided.map(({ first }) => first?.slice(0, 2)))], ['n4']);
    t.is((await n1.backends(VIP))['10.99.0.5:80']?.is_reachable, false);
    t.deepEqual(
      (await members(n1)).members.filter((member) => !member.reachable).map(({ name }) => name),
      ['n5'],
    );

    sinceMs = Date.now();
    await n5.host.up();
    const back = await told(fleet, n5, 'node-reachable', sinceMs);
    t.log(`link up: told after ${back.join(', ')} ms`);
    await fleet.formed();
    t.is((await n1.backends(VIP))['10.99.0.5:80']?.is_reachable, true);

    sinceMs = Date.now();
    n4.program.kill('SIGKILL');
    const killed = await told(fleet, n4, 'node-unreachable', sinceMs);
    t.log(`kill -9: told after ${killed.join(', ')} ms`);
    t.true(killed.at(-1)! < CLOSED_MS);

    const { epoch } = (await mesh(n1)).nodes!.n4!;
    rmSync(n4.stateFile);
    await n4.start();
    await n4.waitFor('records-refuted');
    await fleet.formed();
    t.true((await mesh(n1)).nodes!.n4!.epoch > epoch, 'what it said before its disk was lost is overruled');

    sinceMs = Date.now();
    t.deepEqual(await n3.stop(), { code: 0, signal: null });
    const left = await told(fleet, n3, 'node-unreachable', sinceMs);
    t.log(`SIGTERM: told after ${left.join(', ')} ms`);
    for (const node of fleet.others(n3)) {
      const lines = node.log('node-unreachable').filter((line) => line.node === 'n3' && line.time >= sinceMs);
      t.deepEqual(
        lines.map(({ msg }) => msg),
        ['n3 (10.99.0.3:61420) left in good order'],
        node.host.name,
      );
      t.like(
        (await members(node)).members.find(({ name }) => name === 'n3'),
        { reachable: false, left: true },
      );
    }
    t.deepEqual(
      fleet.nodes.flatMap((node) => node.log('actor-restarted')),
      [],
    );
  }),
);
