import type { Endpoint } from '../endpoint.js';
import type { Surroundings } from './hyparview-settings.js';
import type { MeshLink } from './peer.js';
import { ENOUGH, type View } from './view.js';

interface Neighbour {
  readonly link: MeshLink;
}

type Links = Pick<Surroundings, 'neighbours'>;

/**
 * Those of `view` to put out when somebody else has to be let in: whoever can spare the link, or else whoever has most
 * others. The paper draws from all; but to whom it is the only link, or the only one that the others have heard of yet, that
 * one looks dead to them for as long as it takes to find another.
 */
export function evictable(self: Endpoint, view: View, around: Links): readonly Neighbour[] {
  const spare = sparing(self, view, around);
  return spare.length > 0 ? spare : richest(self, view, around);
}

/** Neighbours that have enough links, and to whom a path leads without ours, as far as is known by now. */
export function sparing(self: Endpoint, view: View, around: Links): readonly Neighbour[] {
  return [...view.active.values()].filter(({ link }) => {
    const peer = link.peer.endpoint;
    return around.neighbours(peer).length > ENOUGH && leadsElsewhere(self, peer, around);
  });
}

/** Neighbours with the most links, of those with whom ours is not known yet, if we ourselves have no more than we need. */
function richest(self: Endpoint, view: View, around: Links): readonly Neighbour[] {
  const links = ({ link }: Neighbour): number => around.neighbours(link.peer.endpoint).length;
  const ours = around.neighbours(self);
  const all = [...view.active.values()];
  const young = ours.length > ENOUGH ? [] : all.filter(({ link }) => !ours.includes(link.peer.endpoint));
  const from = young.length > 0 ? young : all;
  const most = Math.max(...from.map(links));
  return from.filter((neighbour) => links(neighbour) === most);
}

/** Whether a path leads from `self` to `peer` other than by their link, if they have one that others know of. */
function leadsElsewhere(self: Endpoint, peer: Endpoint, around: Links): boolean {
  const first = around.neighbours(self);
  if (!first.includes(peer)) return true;
  const due = first.filter((member) => member !== peer);
  const seen = new Set([self, ...due]);
  for (const member of due) {
    for (const next of around.neighbours(member)) {
      if (next === peer) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      due.push(next);
    }
  }
  return false;
}
