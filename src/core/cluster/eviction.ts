import type { Endpoint } from '../endpoint.js';
import type { Surroundings } from './hyparview-settings.js';
import type { MeshLink } from './peer.js';
import { countShared, draw, ENOUGH, FEW, type View } from './view.js';

/** Neighbours that a walk may press on a joiner whose view is full, so that more than one link joins two halves. */
const WALK_CREDIT = 3;
const WALK_CREDIT_MS = 5000;

/** So many neighbours in common make a link one that the graph would rather have elsewhere. */
export const TANGLED = 3;

interface Neighbour {
  readonly link: MeshLink;
}

/**
 * When a neighbour may be put out to let somebody else in, and which one: whoever can spare the link, or else whoever has
 * most others. The paper draws from all; but to whom it is the only link, or the only one that the others have heard of yet,
 * that one looks dead to them for as long as it takes to find another.
 */
export class Eviction {
  readonly #self: Endpoint;
  readonly #view: View;
  readonly #around: Pick<Surroundings, 'neighbours'>;
  readonly #everyMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #joinedMs = Number.NEGATIVE_INFINITY;
  #credit = 0;

  constructor(self: Endpoint, view: View, around: Pick<Surroundings, 'neighbours'>, everyMs: number) {
    this.#self = self;
    this.#view = view;
    this.#around = around;
    this.#everyMs = everyMs;
  }

  /** Whether it is time again, and somebody can be spared. */
  isFair(nowMs: number): boolean {
    return this.#isDue(nowMs) && this.#spare().length > 0;
  }

  /** Who has nearly nobody may take the place even of one that cannot be spared, as far as is known: that may be lies. */
  isFairFor(peer: Endpoint, nowMs: number): boolean {
    return this.#isDue(nowMs) && (this.hasFew(peer) || this.#spare().length > 0);
  }

  /** Whether a link can be spared that joins us to a neighbour of several neighbours. */
  hasTangled(): boolean {
    return [...this.#view.active.values()].some(
      (neighbour) => this.#shared(neighbour) >= TANGLED && this.#canSpare(neighbour),
    );
  }

  /** Whether it is time again, and a link can be given for a better one. */
  isFairToUntangle(nowMs: number): boolean {
    return this.#isDue(nowMs) && this.hasTangled();
  }

  hasFew(member: Endpoint): boolean {
    return this.#around.neighbours(member).length < FEW;
  }

  /** A place was promised that somebody has to leave. */
  promised(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** We ask to join: walks will bring more, whom to let in even without room. */
  joins(nowMs: number): void {
    this.#credit = WALK_CREDIT;
    this.#joinedMs = nowMs;
  }

  /** Whether to let one in that our joining brought; counts it. */
  takesFromWalk(nowMs: number): boolean {
    if (nowMs - this.#joinedMs >= WALK_CREDIT_MS || this.#credit === 0) return false;
    if (this.#spare().length === 0) return false;
    this.#credit -= 1;
    return true;
  }

  /** Who has to go; there must be a neighbour. */
  victim(random: () => number, nowMs: number): MeshLink {
    this.#lastMs = nowMs;
    const spare = this.#spare();
    return draw(spare.length > 0 ? this.#closest(spare) : this.#richest(), random)!.link;
  }

  #isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= this.#everyMs;
  }

  /** Neighbours that have enough links, and to whom a path leads without ours, as far as is known by now. */
  #spare(): readonly Neighbour[] {
    return [...this.#view.active.values()].filter((neighbour) => this.#canSpare(neighbour));
  }

  #canSpare(neighbour: Neighbour): boolean {
    return this.#links(neighbour) > ENOUGH && this.#leadsElsewhere(neighbour.link.peer.endpoint);
  }

  /** Neighbours with the most links, of those with whom ours is not known yet, if we ourselves have no more than we need. */
  #richest(): readonly Neighbour[] {
    const ours = this.#around.neighbours(this.#self);
    const all = [...this.#view.active.values()];
    const young = ours.length > ENOUGH ? [] : all.filter(({ link }) => !ours.includes(link.peer.endpoint));
    const from = young.length > 0 ? young : all;
    return withMost(from, (neighbour) => this.#links(neighbour));
  }

  /** Those who share the most neighbours with us: such a link is the least loss to the graph. */
  #closest(neighbours: readonly Neighbour[]): readonly Neighbour[] {
    return withMost(neighbours, (neighbour) => this.#shared(neighbour));
  }

  /** How many neighbours we have in common. */
  #shared({ link }: Neighbour): number {
    return countShared(this.#around.neighbours(link.peer.endpoint), this.#view.active);
  }

  #links({ link }: Neighbour): number {
    return this.#around.neighbours(link.peer.endpoint).length;
  }

  /** Whether a path leads from us to `peer` other than by our link, if we have one that others know of. */
  #leadsElsewhere(peer: Endpoint): boolean {
    const first = this.#around.neighbours(this.#self);
    if (!first.includes(peer)) return true;
    const due = first.filter((member) => member !== peer);
    const seen = new Set([this.#self, ...due]);
    for (const member of due) {
      for (const next of this.#around.neighbours(member)) {
        if (next === peer) return true;
        if (seen.has(next)) continue;
        seen.add(next);
        due.push(next);
      }
    }
    return false;
  }
}

function withMost<T>(from: readonly T[], score: (one: T) => number): readonly T[] {
  const scores = from.map(score);
  const most = Math.max(...scores);
  return from.filter((_, at) => scores[at] === most);
}
