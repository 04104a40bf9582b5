import type { NodeSettings } from '../src/actors/node.js';
import { Fleet } from '../src/sim/fleet/fleet.js';
import { planOf } from '../src/sim/plan/scenarios.js';

/** One way, as between racks. */
const LATENCY = { minMs: 0.9, maxMs: 1.1 };

export interface QuietFleetSize {
  readonly seed: number;
  readonly nodes: number;
  /** Of its one VIP. */
  readonly backends: number;
  readonly mesh: boolean;
}

/** Simulated machines on which nothing happens by itself: no clients, no faults, no daemon yet. Their hash means nothing. */
export function quietFleet(
  { seed, nodes, backends, mesh }: QuietFleetSize,
  settings?: Partial<NodeSettings>,
): Fleet {
  const plan = planOf({
    scenario: 'steady',
    seed,
    nodes,
    durationMs: 1e9,
    vips: 1,
    backends,
    connectionsPerSecond: 0,
    mesh,
  });
  const fleet = new Fleet({ ...plan, source: 'file', longConnections: 0 }, settings);
  fleet.engine.hashes = false;
  fleet.network.latency.setUsual(LATENCY);
  fleet.orchestrator.begin();
  return fleet;
}
