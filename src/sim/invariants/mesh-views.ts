import type { MembershipMessage } from '../../actors/cluster/messages.js';
import { HYPARVIEW_DEFAULTS } from '../../core/cluster/hyparview.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { HostEyes } from './eyes.js';
import { Lasting } from './mesh-eyes.js';
import { meshInvariant } from './mesh-invariant.js';

const { active: ACTIVE_MOST, passive: PASSIVE_MOST } = HYPARVIEW_DEFAULTS;

export const viewsBounded = meshInvariant(
  'views-bounded',
  'a view has at most 7 neighbours and 42 others, nobody is in both, and oneself is in neither',
  ({ eyes }, verdicts) => {
    eyes.onMessage('membership', 'after', ({ host }) => {
      const cluster = host.daemon?.node.cluster;
      if (cluster === undefined) return;
      const { active, passive } = cluster.view;
      if (active.size > ACTIVE_MOST) verdicts.broken(`${active.size} neighbours`, host.name);
      if (passive.size > PASSIVE_MOST) verdicts.broken(`${passive.size} in the passive view`, host.name);
      if (active.has(cluster.self) || passive.has(cluster.self))
        verdicts.broken('it is in its own view', host.name);
      for (const peer of active.keys())
        if (passive.has(peer)) verdicts.broken(`${formatEndpoint(peer)} is in both views`, host.name);
    });
    return {};
  },
);

/** Neighbours by whom the link is with. */
type Neighbours = ReadonlyMap<Endpoint, number>;

export const staleLinksSilent = meshInvariant(
  'stale-links-silent',
  'what comes by a link, its end too, changes the standing of that very link only; a neighbour by another one stays',
  ({ eyes }, verdicts) => {
    let underWay: { readonly host: HostEyes; readonly before: Neighbours } | undefined;
    eyes.onMessage('membership', 'before', ({ host }) => {
      underWay = { host, before: neighboursOf(host) };
    });
    eyes.onMessage('membership', 'after', ({ host, message }) => {
      const { before } = underWay?.host === host ? underWay : { before: undefined };
      underWay = undefined;
      if (before === undefined) return;
      const fault = standingFault(message as MembershipMessage, before, neighboursOf(host));
      if (fault !== undefined) verdicts.broken(fault, host.name);
    });
    return {};
  },
);

/** What is wrong with how neighbours changed by a message; undefined if nothing is. */
export function standingFault(
  message: MembershipMessage,
  before: Neighbours,
  after: Neighbours,
): string | undefined {
  if (message.kind === 'leave') return undefined;
  const gone = [...before].filter(([peer, id]) => after.get(peer) !== id);
  const come = [...after].filter(([peer, id]) => before.get(peer) !== id);
  const own = 'id' in message ? message.id : undefined;
  const stranger = come.find(([, id]) => id !== own);
  if (stranger !== undefined) return `${message.kind}: ${formatEndpoint(stranger[0])} became a neighbour`;
  // Whoever comes takes the place of its own older link, or of somebody if there is no other.
  const made = come[0]?.[0];
  let toMakeRoom = made === undefined || before.has(made) ? 0 : before.size - (ACTIVE_MOST - 1);
  for (const [peer, id] of gone) {
    if (id === own || peer === made) continue;
    toMakeRoom -= 1;
    if (toMakeRoom < 0)
      return `${message.kind}: ${formatEndpoint(peer)}, neighbour by link ${id}, was lost by link ${own}`;
  }
  return undefined;
}

function neighboursOf(host: HostEyes): Neighbours {
  const active = host.daemon?.node.cluster?.view.active ?? new Map();
  return new Map([...active].map(([peer, { link }]) => [peer, link.id]));
}

const SETTLED_MS = 2_000;
/** Who dials somebody waits 2 s for his answer, and so does the other side for the question. */
const IDLE_MOST_MS = 6_000;

export const linksAsViews = meshInvariant(
  'links-as-views',
  'a link stands and its peer is pinged for each neighbour; other links end within 6 s, and nobody else is pinged',
  (mesh, verdicts) => {
    const lasting = new Lasting();
    mesh.onSample(() => {
      const { nowMs, eyes } = mesh;
      for (const { name, host, cluster, mesh: links } of mesh.observers()) {
        const life = `${name} ${host.startedMs}`;
        const neighbours = new Set([...cluster.view.active.values()].map(({ link }) => link.id));
        const open = new Set(links.links().map(({ id }) => id));
        const watched = new Set(cluster.watched());
        const well = (forMs: number) => eyes.ranWell(host, nowMs - forMs);
        const tell = (what: string, id: number, holds: boolean, mostMs: number): void => {
          const forMs = lasting.note(`${life} ${what} ${id}`, holds, nowMs);
          if (forMs > mostMs && well(mostMs)) verdicts.broken(`link ${id} ${what} for ${forMs} ms`, name);
        };
        for (const id of neighbours) {
          tell("is a neighbour's, and does not stand", id, !open.has(id), SETTLED_MS);
          tell("is a neighbour's, and is not pinged", id, !watched.has(id), SETTLED_MS);
        }
        for (const id of watched) tell("is pinged, and no neighbour's", id, !neighbours.has(id), SETTLED_MS);
        for (const id of open) tell("is no neighbour's", id, !neighbours.has(id), IDLE_MOST_MS);
      }
    });
    return {};
  },
);

const ASYMMETRY_MOST_MS = 5_000;

export const linksSymmetric = meshInvariant(
  'links-symmetric',
  'within 5 s whoever has a neighbour is a neighbour of it',
  (mesh, verdicts) => {
    const lasting = new Lasting();
    mesh.onSample(() => {
      const { nowMs, calmMs } = mesh;
      const members = new Map(mesh.members().map((member) => [member.at, member]));
      for (const { name, at, cluster, host } of mesh.observers()) {
        for (const peer of cluster.view.active.keys()) {
          const other = members.get(peer);
          const oneSided = other !== undefined && !other.cluster.view.active.has(at);
          const forMs = lasting.note(`${name} ${host.startedMs} ${peer}`, oneSided, nowMs);
          if (forMs > ASYMMETRY_MOST_MS && calmMs > ASYMMETRY_MOST_MS)
            verdicts.broken(`${mesh.nameAt(peer)} does not know of being its neighbour`, name);
        }
      }
    });
    return {};
  },
);

/** Probing slows down to 10 s; a dial that fails takes 1.5 s. */
const WHOLE_AFTER_MS = 18_000;

export const onePiece = meshInvariant(
  'one-piece',
  'when nothing has been wrong for 18 s all members are in one piece of the overlay, whatever went before',
  (mesh, verdicts) => {
    mesh.onSample(() => {
      if (mesh.divided) {
        if (mesh.calmMs > ASYMMETRY_MOST_MS && new Set(mesh.pieces().values()).size > 1)
          verdicts.sometimes('the overlay was in pieces');
        return;
      }
      if (mesh.calmMs < WHOLE_AFTER_MS) return;
      verdicts.sometimes('the overlay was judged to be whole');
      const pieces = new Map<number, string[]>();
      for (const [at, piece] of mesh.pieces()) {
        if (mesh.isOutcast(mesh.nameAt(at)!)) continue;
        const names = pieces.get(piece) ?? [];
        pieces.set(piece, names);
        names.push(mesh.nameAt(at)!);
      }
      if (pieces.size > 1) verdicts.broken([...pieces.values()].map((names) => names.join(' ')).join(' | '));
    });
    return {};
  },
);

/** The pace of probing doubles from half a second on, so it is about as long as the split lasted. */
const SHORT_SPLIT_MS = 4_000;
const mendedAfterMs = (lastedMs: number): number => 2_500 + 1.5 * lastedMs;

export const shortSplitMends = meshInvariant(
  'short-split-mends',
  'a network that was split for some seconds only has one overlay again after 2.5 s and half as long again as it lasted',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    let calmBeforeMs = 0;
    return {
      hears: ['fault'],
      happened: (news, atMs) => {
        if (news.kind !== 'fault') return;
        const { fault, durationMs } = eyes.fleet.plan.faults[news.index]!;
        if (fault.kind !== 'partition' || fault.oneWay || durationMs > SHORT_SPLIT_MS) return;
        if (news.phase === 'begins') {
          calmBeforeMs = mesh.calmBeforeMs;
          return;
        }
        // Nothing else may have happened since: then calm was broken by the split alone.
        if (calmBeforeMs < SHORT_SPLIT_MS || mesh.calmBeforeMs < durationMs - 1 || mesh.liars.size > 0)
          return;
        const mostMs = mendedAfterMs(durationMs);
        eyes.at(atMs + mostMs, () => {
          if (mesh.divided || mesh.calmMs < mostMs - 1) return;
          verdicts.sometimes('a short split was over');
          if (new Set(mesh.pieces().values()).size > 1)
            verdicts.broken(`still in pieces ${mostMs} ms after a split of ${durationMs} ms`);
        });
      },
    };
  },
);
