import test, { type ExecutionContext } from 'ava';
import { membersJson, meshJson } from '../../src/api/mesh-json.js';
import { Metrics } from '../../src/api/metrics.js';
import { Api } from '../../src/api/server.js';
import { TimeSlices } from '../../src/api/time-slice.js';
import { askMembers } from '../../src/cli/ask.js';
import type { MemberStatus, MeshStatus } from '../../src/core/status.js';
import { ep, FakeStatus } from './fake-status.js';

const N1 = ep('10.99.0.1:61420');
const N2 = ep('10.99.0.2:61420');
const N3 = ep('10.99.0.3:61420');
const N4 = ep('10.99.0.4:61420');

function member(endpoint: typeof N1, name: string, changes: Partial<MemberStatus> = {}): MemberStatus {
  return { endpoint, name, reachable: true, distance: 1, active: true, left: false, ...changes };
}

const GONE = { reachable: false, distance: undefined, active: false };

/** Four nodes: a neighbour, one that is lost, one that left under the name of the lost one. */
const status: MeshStatus = {
  self: { endpoint: N1, name: 'n1' },
  members: () => [
    member(N4, 'n3', { ...GONE, left: true }),
    member(N2, 'n2'),
    member(N3, 'n3', GONE),
    member(N1, 'n1', { distance: 0, active: false }),
  ],
  adjacency: () => [
    { endpoint: N1, name: 'n1', epoch: 2, counter: 7, neighbours: [N2], vips: 0 },
    { endpoint: N4, name: 'n3', epoch: 1, counter: 9, neighbours: [], vips: 0 },
    { endpoint: N3, name: 'n3', epoch: 1, counter: 3, neighbours: [N1, ep('10.99.0.9:61420')], vips: 4 },
    { endpoint: N2, name: 'n2', epoch: 5, counter: 1, neighbours: [N1], vips: 1 },
  ],
  neighbours: () => [{ endpoint: N2, name: 'n2', roundTripMs: 0.31257 }],
  synchronised: true,
  treeDepth: 1,
  counters: { pings: 10, cuts: 2, falseCuts: 1, refutations: 3, expelled: 4 },
  traffic: {
    sentBytes: 100,
    sentFrames: 10,
    receivedBytes: 200,
    receivedFrames: 20,
    slowLinks: 5,
    unauthenticated: 6,
  },
};

const self = { name: 'n1', address: '10.99.0.1' };

test('members: everybody by address, those who left are marked', (t) => {
  const at = (n: number) => ({ address: `10.99.0.${n}`, endpoint: `10.99.0.${n}:61420` });
  const gone = { reachable: false, distance: null, active: false };
  t.deepEqual(membersJson(self, status), {
    self: 'n1',
    members: [
      { name: 'n1', ...at(1), reachable: true, distance: 0, active: false },
      { name: 'n2', ...at(2), reachable: true, distance: 1, active: true },
      { name: 'n3', ...at(3), ...gone },
      { name: 'n3', ...at(4), ...gone, left: true },
    ],
  });
});

test('members: a node that has not said anything yet knows itself', (t) => {
  const silent: MeshStatus = { ...status, members: () => [] };
  t.deepEqual(
    membersJson(self, silent).members.map(({ name, reachable }) => `${name} ${reachable}`),
    ['n1 true'],
  );
});

test('mesh: who lists whom by name, by name and place where several share one', (t) => {
  t.deepEqual(meshJson(self, status), {
    self: 'n1',
    adjacency: {
      n1: ['n2'],
      n2: ['n1'],
      'n3@10.99.0.3:61420': ['n1', '10.99.0.9:61420'],
      'n3@10.99.0.4:61420': [],
    },
    nodes: {
      n1: { endpoint: '10.99.0.1:61420', epoch: 2, counter: 7, vips: 0 },
      n2: { endpoint: '10.99.0.2:61420', epoch: 5, counter: 1, vips: 1 },
      'n3@10.99.0.3:61420': { endpoint: '10.99.0.3:61420', epoch: 1, counter: 3, vips: 4 },
      'n3@10.99.0.4:61420': { endpoint: '10.99.0.4:61420', epoch: 1, counter: 9, vips: 0 },
    },
    neighbours: [{ name: 'n2', rtt_ms: 0.313 }],
    synchronised: true,
    depth: 1,
  });
});

test('metrics of the mesh; a node that runs alone has none', async (t) => {
  const node = new FakeStatus();
  t.notRegex(await new Metrics(node, new TimeSlices()).text(), /^minuteman_mesh_\w+[ {]/m);
  node.meshStatus = status;
  const lines = (await new Metrics(node, new TimeSlices()).text()).split('\n');
  t.deepEqual(
    lines.filter((line) => line.startsWith('minuteman_mesh_')),
    [
      'minuteman_mesh_members{state="reachable"} 2',
      'minuteman_mesh_members{state="unreachable"} 1',
      'minuteman_mesh_members{state="left"} 1',
      'minuteman_mesh_neighbours 1',
      'minuteman_mesh_rtt_seconds{neighbour="n2",endpoint="10.99.0.2:61420"} 0.00031257',
      'minuteman_mesh_table_nodes 4',
      'minuteman_mesh_tree_depth 1',
      'minuteman_mesh_synchronised 1',
      'minuteman_mesh_pings_total 10',
      'minuteman_mesh_cuts_total 2',
      'minuteman_mesh_false_cuts_total 1',
      'minuteman_mesh_refutations_total 3',
      'minuteman_mesh_expelled_total 4',
      'minuteman_mesh_bytes_total{direction="in"} 200',
      'minuteman_mesh_bytes_total{direction="out"} 100',
      'minuteman_mesh_frames_total{direction="in"} 20',
      'minuteman_mesh_frames_total{direction="out"} 10',
      'minuteman_mesh_slow_links_total 5',
      'minuteman_mesh_unauthenticated_total 6',
    ],
  );
});

/** The table that `minuteman members` prints, as its cells. */
async function membersTable(t: ExecutionContext, mesh: MeshStatus): Promise<readonly (readonly string[])[]> {
  const node = new FakeStatus();
  node.meshStatus = mesh;
  const options = { address: '127.0.0.1', port: 0, node: self, version: '1.2.3' };
  const api = new Api(node, options, { event: () => {} });
  t.teardown(() => api.close());
  const text = await askMembers({ api: await api.listen(), json: false });
  const [header, ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  t.deepEqual(header, ['NODE', 'ADDRESS', 'STATE', 'DISTANCE', 'NEIGHBOUR']);
  return rows;
}

test('minuteman members: a table of all; no distance to those who are gone, and two of one name', async (t) => {
  t.deepEqual(await membersTable(t, status), [
    ['n1 (this node)', '10.99.0.1', 'reachable', '0', 'no'],
    ['n2', '10.99.0.2', 'reachable', '1', 'yes'],
    ['n3', '10.99.0.3', 'unreachable', '-', 'no'],
    ['n3', '10.99.0.4', 'left', '-', 'no'],
  ]);
});

test("minuteman members: another node of this one's name is not this one", async (t) => {
  const members = () => [member(N1, 'n1', { distance: 0, active: false }), member(N2, 'n1')];
  t.deepEqual(await membersTable(t, { ...status, members }), [
    ['n1 (this node)', '10.99.0.1', 'reachable', '0', 'no'],
    ['n1', '10.99.0.2', 'reachable', '1', 'yes'],
  ]);
});
