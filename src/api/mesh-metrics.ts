import { formatEndpoint } from '../core/endpoint.js';
import type { MeshStatus } from '../core/status.js';
import { by, counter, gauge, type Metric, one, type Sample } from './metric.js';

/** Samples of a node in a mesh; a node that runs alone has none. */
function inMesh(read: (mesh: MeshStatus) => readonly Sample[]): Metric['read'] {
  return ({ node }) => {
    const mesh = node.mesh();
    return mesh === undefined ? [] : read(mesh);
  };
}

function members(mesh: MeshStatus): readonly Sample[] {
  const states = { reachable: 0, unreachable: 0, left: 0 };
  for (const { reachable, left } of mesh.members()) {
    if (reachable) states.reachable += 1;
    else if (left) states.left += 1;
    else states.unreachable += 1;
  }
  return by('state', states);
}

/** There are no more neighbours than the view of them is wide, so these series are few. */
function roundTrips(mesh: MeshStatus): readonly Sample[] {
  return [...mesh.neighbours()].flatMap(({ endpoint, name, roundTripMs }) =>
    roundTripMs === undefined
      ? []
      : [{ value: roundTripMs / 1000, labels: { neighbour: name, endpoint: formatEndpoint(endpoint) } }],
  );
}

const total = (of: (mesh: MeshStatus) => number): Metric['read'] => inMesh((mesh) => one(of(mesh)));

export const MESH_METRICS: readonly Metric[] = [
  gauge(
    'minuteman_mesh_members',
    'Nodes that are known, this one included, by whether a path leads to them.',
    inMesh(members),
  ),
  gauge(
    'minuteman_mesh_neighbours',
    'Nodes that this one has a link with.',
    total((mesh) => [...mesh.neighbours()].length),
  ),
  gauge(
    'minuteman_mesh_rtt_seconds',
    'Round trip to each neighbour, the median of the latest.',
    inMesh(roundTrips),
  ),
  gauge(
    'minuteman_mesh_table_nodes',
    'Nodes whose records are kept.',
    total((mesh) => [...mesh.adjacency()].length),
  ),
  gauge(
    'minuteman_mesh_tree_depth',
    'Links to the farthest node that can be reached.',
    total((mesh) => mesh.treeDepth),
  ),
  gauge(
    'minuteman_mesh_synchronised',
    '1 once a neighbour was found to know just what this node knows, else 0.',
    total((mesh) => (mesh.synchronised ? 1 : 0)),
  ),
  counter(
    'minuteman_mesh_pings_total',
    'Pings sent.',
    total((mesh) => mesh.counters.pings),
  ),
  counter(
    'minuteman_mesh_cuts_total',
    'Neighbours that were cut because they were silent.',
    total((mesh) => mesh.counters.cuts),
  ),
  counter(
    'minuteman_mesh_false_cuts_total',
    'Neighbours that were cut and proved to live.',
    total((mesh) => mesh.counters.falseCuts),
  ),
  counter(
    'minuteman_mesh_refutations_total',
    'Times that records in the name of this node which it did not write were refuted.',
    total((mesh) => mesh.counters.refutations),
  ),
  counter(
    'minuteman_mesh_expelled_total',
    'Peers whose link was cut because they sent what no peer sends.',
    total((mesh) => mesh.counters.expelled),
  ),
  counter(
    'minuteman_mesh_bytes_total',
    'Octets of messages, without the headers of web socket and TCP.',
    inMesh(({ traffic }) => by('direction', { in: traffic.receivedBytes, out: traffic.sentBytes })),
  ),
  counter(
    'minuteman_mesh_frames_total',
    'Messages.',
    inMesh(({ traffic }) => by('direction', { in: traffic.receivedFrames, out: traffic.sentFrames })),
  ),
  counter(
    'minuteman_mesh_slow_links_total',
    'Links cut because the peer did not take what was sent.',
    total((mesh) => mesh.traffic.slowLinks),
  ),
  counter(
    'minuteman_mesh_unauthenticated_total',
    'Connections from outside that did not prove to be of the mesh.',
    total((mesh) => mesh.traffic.unauthenticated),
  ),
];
