import type { MembershipMessage } from '../../actors/cluster/messages.js';
import { HYPARVIEW_DEFAULTS } from '../../core/cluster/hyparview.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { HostEyes } from './eyes.js';
import { meshInvariant } from './mesh-invariant.js';

const { active: ACTIVE_MOST, passive: PASSIVE_MOST, untangleMs: UNTANGLE_MS } = HYPARVIEW_DEFAULTS;

export const partedRemembered = meshInvariant(
  'parted-remembered',
  'who was put out or parts in good order is asked again some day; who fell silent is not',
  ({ eyes }, verdicts) => {
    let underWay: { readonly host: HostEyes; readonly before: readonly Endpoint[] } | undefined;
    eyes.onMessage('membership', 'before', ({ host }) => {
      underWay = { host, before: [...(host.daemon?.node.cluster?.view.active.keys() ?? [])] };
    });
    eyes.onMessage('membership', 'after', ({ host, message }) => {
      const { before } = underWay?.host === host ? underWay : { before: [] };
      underWay = undefined;
      const view = host.daemon?.node.cluster?.view;
      const { kind } = message as MembershipMessage;
      // Of two that change places in a full view either may be the one that is forgotten.
      if (view === undefined || kind === 'leave' || view.passive.size >= PASSIVE_MOST - 1) return;
      const silent = kind === 'cut' || kind === 'closed' || kind === 'expel';
      for (const peer of before) {
        if (view.active.has(peer)) continue;
        if (!silent && kind !== 'tick') verdicts.sometimes('a neighbour was put out, or parted');
        if (view.passive.has(peer) !== silent) continue;
        const wrong = silent ? 'is still thought of' : 'is forgotten';
        verdicts.broken(`${formatEndpoint(peer)}, lost by ${kind}, ${wrong}`, host.name);
      }
    });
    return {};
  },
);

/** Every link on the way, there and back. */
const ANSWERED_MS = 1_000;
/** In smaller fleets there may be nobody to tell of. */
const LEAST_MEMBERS = 5;
const UNANSWERED_MOST = 2;

export const shufflesAnswered = meshInvariant(
  'shuffles-answered',
  'whoever offers others some of those it knows is told of others in return, in quiet times',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    const answeredMs = new Map<Endpoint, number>();
    const unanswered = new Map<Endpoint, number>();
    eyes.onMessage('membership', 'before', ({ host, message }) => {
      const news = message as MembershipMessage;
      if (news.kind !== 'message') return;
      const { message: said } = news;
      if (said.kind === 'shuffle-reply' && said.path.length === 0)
        answeredMs.set(mesh.endpointOf(host.name), mesh.nowMs);
      if (said.kind !== 'shuffle' || said.path.length !== 1 || mesh.liars.size > 0) return;
      const origin = said.path[0]!;
      const askedMs = mesh.nowMs;
      eyes.at(askedMs + ANSWERED_MS, () => {
        if (mesh.honestMs < 4 * ANSWERED_MS || mesh.members().length < LEAST_MEMBERS) return;
        if ((answeredMs.get(origin) ?? -1) >= askedMs) {
          unanswered.delete(origin);
          return;
        }
        const times = (unanswered.get(origin) ?? 0) + 1;
        unanswered.set(origin, times);
        if (times === UNANSWERED_MOST)
          verdicts.broken(`heard nothing in return, ${times} times`, mesh.nameAt(origin));
      });
    });
    return {};
  },
);

const SETTLED_AFTER_MS = 15_000;
const CALMED_AFTER_MS = 60_000;
const WINDOW_MS = 4_000;
/** Neighbours won or lost, of each member a second on average, while links are exchanged for better ones and after that. */
const CHANGES_MOST = 0.5;
const CHANGES_AFTER_MOST = 0.05;

export const overlaySettles = meshInvariant(
  'overlay-settles',
  'after 15 s of quiet neighbours stay neighbours, but for one change in two seconds of each member at most, and one in twenty seconds after a minute',
  (mesh, verdicts) => {
    let neighbours: { readonly atMs: number; readonly pairs: ReadonlySet<string> } | undefined;
    mesh.onSample(() => {
      const { nowMs } = mesh;
      if (mesh.honestMs < SETTLED_AFTER_MS || mesh.divided) {
        neighbours = undefined;
        return;
      }
      if (neighbours !== undefined && nowMs - neighbours.atMs < WINDOW_MS) return;
      const pairs = new Set<string>();
      for (const { name, cluster } of mesh.members())
        for (const { link } of cluster.view.active.values()) pairs.add(`${name} ${link.id}`);
      if (neighbours !== undefined) {
        const { pairs: before, atMs } = neighbours;
        const changes = [...pairs].filter((pair) => !before.has(pair)).length;
        const rate = changes / mesh.members().length / ((nowMs - atMs) / 1_000);
        const most = mesh.honestMs < CALMED_AFTER_MS ? CHANGES_MOST : CHANGES_AFTER_MOST;
        if (rate > most) verdicts.broken(`${rate.toFixed(2)} new neighbours a second each`);
      }
      neighbours = { atMs: nowMs, pairs };
    });
    return {};
  },
);

/** Whoever could exchange a link has tried to, three times at least. */
const UNTANGLED_AFTER_MS = 4 * UNTANGLE_MS;
/** With several neighbours in common a link closes several triangles. */
const SEVERAL = 3;

export const overlayUntangled = meshInvariant(
  'overlay-untangled',
  'after 40 s of quiet no two members are left that would both gain by a link, for one to a neighbour of neighbours',
  (mesh, verdicts) => {
    mesh.onSample(() => {
      if (mesh.honestMs < UNTANGLED_AFTER_MS || mesh.divided) return;
      const graph = new Map(
        mesh.members().map(({ at, cluster }) => [at, new Set(cluster.view.active.keys())]),
      );
      const shared = (a: Endpoint, b: Endpoint): number => {
        const others = graph.get(b);
        return others === undefined ? 0 : [...graph.get(a)!].filter((one) => others.has(one)).length;
      };
      const tangled = [...graph].filter(
        ([at, neighbours]) =>
          neighbours.size === ACTIVE_MOST && [...neighbours].some((one) => shared(at, one) >= SEVERAL),
      );
      for (const [a, neighbours] of tangled) {
        const far = tangled.find(([b]) => b !== a && !neighbours.has(b) && shared(a, b) === 0);
        if (far === undefined) continue;
        verdicts.broken(
          `has links to neighbours of neighbours, as has ${mesh.nameAt(far[0])}`,
          mesh.nameAt(a),
        );
        return;
      }
    });
    return {};
  },
);

/** Eight at a time, each 10 s and a bit less; and whom a shuffle brought to mind again. */
const DIALS_MOST = 14;
const DIALS_WINDOW_MS = 5_000;

export const dialsSlacken = meshInvariant(
  'dials-slacken',
  'whoever is missed for long is looked for ever more slowly: after 20 s there are 14 dials in vain in 5 s at most',
  (mesh, verdicts) => {
    const { eyes } = mesh;
    const failed = new Map<HostEyes, number[]>();
    eyes.onMessage('membership', 'before', ({ host, message }) => {
      if ((message as MembershipMessage).kind !== 'dial-failed') return;
      const times = (failed.get(host) ?? []).filter((atMs) => mesh.nowMs - atMs < DIALS_WINDOW_MS);
      failed.set(host, times);
      times.push(mesh.nowMs);
      if (times.length <= DIALS_MOST || mesh.honestMs < SETTLED_AFTER_MS + DIALS_WINDOW_MS) return;
      verdicts.broken(`${times.length} dials in vain within ${DIALS_WINDOW_MS} ms`, host.name);
    });
    return {};
  },
);

const FILLED_AFTER_MS = 8_000;
/** Who comes back to where all are full is let in by some only. */
const FEW = 2;

export const neighboursEnough = meshInvariant(
  'neighbours-enough',
  'after 8 s of quiet everybody has two neighbours at least, so that one death cuts nobody off',
  (mesh, verdicts) => {
    mesh.onSample(() => {
      if (mesh.honestMs < FILLED_AFTER_MS || mesh.divided) return;
      const pieces = mesh.pieces();
      if (new Set(pieces.values()).size > 1) return;
      const wanted = Math.min(FEW, pieces.size - 1);
      for (const { name, cluster } of mesh.observers()) {
        const { size } = cluster.view.active;
        if (size < wanted && !mesh.isOutcast(name)) verdicts.broken(`has ${size} neighbours`, name);
      }
    });
    return {};
  },
);
