import type { ClusterState } from '../../actors/cluster/cluster-state.js';
import type { Message } from '../../core/cluster/messages.js';
import { ascending, type SealedRecord, sealRecord } from '../../core/cluster/record.js';
import { encode, PEERS_MOST } from '../../core/cluster/wire.js';
import { type Endpoint, endpoint } from '../../core/endpoint.js';
import type { Stream } from '../engine/seed.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Machine } from '../fleet/machine.js';
import type { Lie } from '../plan/plan.js';

const EVERY_MS = 200;
/** Frames a time of one that floods: ten times what anybody is allowed. */
const FLOOD = 1_000;
/** Nobody lives there: 10.98.0.0/16. */
const NOWHERE = 0x0a620000;

/**
 * Lets a member lie from now on. Beside what its daemon sends, which goes on, its links carry frames that are well-formed and
 * untrue. They leave by the daemon's own links: a liar holds the key.
 */
export function startLying(fleet: Fleet, at: Machine, how: Lie): () => void {
  const { engine } = fleet;
  const lane = engine.lane(`liar ${at.name} ${how} at ${engine.nowMs} #${fleet.nextLiar()}`);
  const stream = engine.stream(`${lane.name}/draws`);
  /** What everybody said when the lying began. */
  let once: readonly SealedRecord[] | undefined;
  let lying = true;
  const lie = (): void => {
    if (!lying) return;
    lane.after(EVERY_MS * stream.between(0.5, 1.5), lie);
    const mesh = fleet.meshOfHost(at.name);
    const { daemon } = at;
    const cluster = daemon?.node.cluster;
    if (mesh === undefined || cluster === undefined || daemon === undefined || daemon.process.paused) return;
    once ??= recordsOf(cluster);
    const messages = lies(how, cluster, once, stream);
    daemon.process.enter(() => {
      for (const { id } of mesh.links()) for (const message of messages) mesh.send(id, encode(message));
    });
  };
  lie();
  return () => {
    lying = false;
  };
}

function lies(
  how: Lie,
  cluster: ClusterState,
  once: readonly SealedRecord[],
  stream: Stream,
): readonly Message[] {
  const others = [...cluster.table.entries()].map(([origin]) => origin).filter((one) => one !== cluster.self);
  switch (how) {
    case 'all-dead':
      return inTheirNames(cluster, others, () => ({ ahead: 0, neighbours: [] }));
    case 'in-others-names':
      return inTheirNames(cluster, others, (origin) => ({
        ahead: stream.oneOf([0, 1, 1_000]),
        neighbours: stream.some(others, 3).filter((one) => one !== origin),
      }));
    case 'old-records':
      return [{ kind: 'records', records: once }];
    case 'alarms':
      return others.map((target) => ({ kind: 'suspect', target, steps: 4 }));
    case 'phantoms': {
      const nobody = (): Endpoint => endpoint(NOWHERE + stream.below(65_536), 61_420);
      const peers = Array.from({ length: PEERS_MOST / 2 }, nobody);
      return [
        { kind: 'shuffle-reply', path: [], peers },
        { kind: 'shuffle', ttl: 1, path: [cluster.self], peers },
        { kind: 'forward-join', joiner: nobody(), ttl: 0 },
      ];
    }
    case 'flood':
      return Array.from({ length: FLOOD }, (_, seq) => ({ kind: 'pong', seq, tableHash: 0 }));
  }
}

function inTheirNames(
  { table }: ClusterState,
  origins: readonly Endpoint[],
  claim: (origin: Endpoint) => { readonly ahead: number; readonly neighbours: readonly Endpoint[] },
): readonly Message[] {
  const records = origins.flatMap((origin) => {
    const known = table.get(origin)?.adjacency?.record;
    if (known === undefined) return [];
    const { ahead, neighbours } = claim(origin);
    return sealRecord({
      ...known,
      left: false,
      epoch: known.epoch + ahead,
      counter: known.counter + 1,
      neighbours: [...neighbours].sort(ascending),
    });
  });
  return [{ kind: 'records', records }];
}

function recordsOf({ table }: ClusterState): readonly SealedRecord[] {
  return [...table.entries()].flatMap(([, { adjacency, advert }]) =>
    [adjacency, advert].filter((sealed) => sealed !== undefined),
  );
}
