import { writeFileSync } from 'node:fs';
import { generateKey } from '../../src/mesh/key-file.js';
import { withBed } from '../support/bed.js';
import { eventually } from '../support/eventually.js';
import { Fleet, type FleetNode, members, reachable } from '../support/fleet.js';
import { serialKernelTest } from '../support/prerequisites.js';

const WITHOUT_KERNEL = { config: { dataPlane: { enabled: false } } };

serialKernelTest('who has another key stays outside and is told why; keys change while all run', (t) =>
  withBed(t, async (bed) => {
    t.timeout(120_000);
    const fleet = new Fleet(bed);
    await fleet.grow(3, () => WITHOUT_KERNEL);
    await fleet.formed();
    const stranger = generateKey();
    await fleet.grow(1, () => ({ ...WITHOUT_KERNEL, keys: [stranger] }));
    const n4 = fleet.node('n4');
    const inside = fleet.others(n4);
    const refusal = await Promise.any(
      inside.map((node) =>
        node.waitFor('mesh-peer-refused', (line) => /holds none of our keys/.test(line.msg)),
      ),
    );
    t.log(refusal.msg);
    t.log((await n4.waitFor('mesh-peer-refused')).msg);
    t.deepEqual(await reachable(n4), ['n4']);
    t.deepEqual(await reachable(fleet.node('n1')), ['n1', 'n2', 'n3']);
    t.true((await fleet.node('n1').metric('minuteman_mesh_unauthenticated_total')) > 0);

    for (const node of inside) {
      writeFileSync(node.keyFile, `${fleet.key}\n${stranger}\n`);
      await node.waitFor('mesh-keys-changed');
    }
    await fleet.formed();
    for (const node of inside) {
      const seen = node.log('mesh-keys-changed').length;
      writeFileSync(node.keyFile, `${stranger}\n`);
      await eventually(
        'the old key is gone',
        () => node.log('mesh-keys-changed').length,
        (count) => count > seen,
      );
    }
    await fleet.formed();
    await fleet.grow(1, () => ({ ...WITHOUT_KERNEL, keys: [stranger] }));
    await fleet.formed();
    t.deepEqual(
      inside.flatMap((node) => node.log('node-unreachable')),
      [],
      'no link was lost over it',
    );
  }),
);

serialKernelTest('two nodes of one name both run, and everybody says so', (t) =>
  withBed(t, async (bed) => {
    const fleet = new Fleet(bed);
    const named = (name: string, at: number) => ({ node: { name, address: `10.99.0.${at}` } });
    await fleet.grow(3, (at) => ({
      config: { ...WITHOUT_KERNEL.config, ...named(at === 1 ? 'n1' : 'twin', at) },
    }));
    for (const node of fleet.nodes) {
      t.like(await node.waitFor('duplicate-node-name'), {
        level: 40,
        name: 'twin',
      });
      await eventually(
        'all three are there',
        () => reachable(node),
        (names) => names.join() === 'n1,twin,twin',
      );
    }
    const listed = (await members(fleet.node('n1'))).members;
    t.deepEqual(
      listed.map(({ name, address }) => `${name} ${address}`),
      ['n1 10.99.0.1', 'twin 10.99.0.2', 'twin 10.99.0.3'],
    );
  }),
);

const starts: readonly {
  readonly title: string;
  readonly options: object;
  readonly code: number;
  readonly line: RegExp;
}[] = [
  {
    title: 'an address that is not of this host',
    options: { config: { node: { name: 'n2', address: '10.99.0.77' } } },
    code: 1,
    line: /^mesh: this host has no address of 10\.99\.0\.77:61420; set node\.address to one of its own$/,
  },
  {
    title: 'a port that is taken',
    options: { mesh: { port: 61_421 }, config: { api: { port: 61_422 } } },
    code: 1,
    line: /^mesh: another program listens at 10\.99\.0\.1:61421; set mesh\.port/,
  },
  {
    title: 'a key file that is not there',
    options: { mesh: { keyFile: '/nonexistent/mesh.key' } },
    code: 2,
    line: /^mesh\.keyFile: \/nonexistent\/mesh\.key cannot be read \(ENOENT\); make one with/,
  },
];

serialKernelTest('a node whose mesh cannot be opened says why in one line', (t) =>
  withBed(t, async (bed) => {
    const fleet = new Fleet(bed);
    await fleet.grow(1, () => ({ config: { dataPlane: { enabled: false }, api: { address: '10.99.0.1' } } }));
    const { host } = fleet.nodes[0] as FleetNode;
    for (const { title, options, code, line } of starts) {
      const { config = {}, ...rest } = options as { config?: object };
      const node = await fleet.place(
        1,
        { ...rest, config: { dataPlane: { enabled: false }, ...config } },
        host,
      );
      await node.start();
      t.deepEqual(await node.program.exited, { code, signal: null }, title);
      const said = node.program.lines.filter((text) => !text.startsWith('{'));
      t.is(said.length, 1, said.join('\n'));
      t.regex(said[0]!, line, title);
    }
  }),
);
