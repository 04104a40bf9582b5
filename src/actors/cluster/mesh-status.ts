import type { MeshCounters, MeshStatus } from '../../core/status.js';
import type { MeshAccess } from '../../ports/world.js';
import type { ClusterState } from './cluster-state.js';

/** Reads what the actors of the mesh keep in their common state; asks none of them anything. */
export function meshStatus(access: MeshAccess, state: ClusterState, counters: MeshCounters): MeshStatus {
  const { mesh, self } = access;
  const { table, view, reachability } = state;
  return {
    self,
    *members() {
      for (const [endpoint, { adjacency }] of table.entries()) {
        if (adjacency === undefined) continue;
        yield {
          endpoint,
          name: adjacency.record.name,
          reachable: reachability.has(endpoint),
          distance: reachability.distance(endpoint),
          active: view.active.has(endpoint),
          left: adjacency.record.left,
        };
      }
    },
    *adjacency() {
      for (const [endpoint, { adjacency, advert }] of table.entries()) {
        if (adjacency === undefined) continue;
        const { name, epoch, counter, neighbours } = adjacency.record;
        yield { endpoint, name, epoch, counter, neighbours, vips: advert?.record.vips.size ?? 0 };
      }
    },
    *neighbours() {
      for (const { link } of view.active.values()) {
        const { endpoint, name } = link.peer;
        yield { endpoint, name, roundTripMs: state.roundTripMs(link.id) };
      }
    },
    get synchronised() {
      return state.synchronised;
    },
    get treeDepth() {
      return reachability.depth;
    },
    counters,
    get traffic() {
      return mesh.traffic();
    },
  };
}
