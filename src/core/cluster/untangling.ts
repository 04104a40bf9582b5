import type { Endpoint } from '../endpoint.js';
import { type Eviction, TANGLED } from './eviction.js';
import type { HyparviewSettings, Surroundings } from './hyparview-settings.js';
import { countShared, sample, type View } from './view.js';

/** Far ones that are looked at for one who would gain by it too. */
const LOOKED_AT = 8;

/**
 * Says when to give a link to a neighbour's neighbour for one to somebody far, and to whom.
 *
 * Walks end near where they begin and places become free where neighbours die, so that an overlay left to itself is
 * made of clusters with few links between: a dozen nodes are cut off when the wrong five of forty die. X-BOT (Leitão, Marques,
 * Pereira, Rodrigues 2009) exchanges links the same way to make them cheap. Here both ends of the new link judge alike, by the adjacency
 * that all know: they have no neighbour in common, and each has a neighbour with whom it has several. Links that close triangles become
 * fewer with each exchange, so that it ends by itself; the two who were parted find each other or somebody else.
 */
export class Untangling {
  readonly #self: Endpoint;
  readonly #view: View;
  readonly #around: Surroundings;
  readonly #eviction: Eviction;
  readonly #settings: HyparviewSettings;
  readonly #random: () => number;
  #nextMs = 0;

  constructor(
    self: Endpoint,
    view: View,
    around: Surroundings,
    eviction: Eviction,
    settings: HyparviewSettings,
    random: () => number,
    nowMs: number,
  ) {
    this.#self = self;
    this.#view = view;
    this.#around = around;
    this.#eviction = eviction;
    this.#settings = settings;
    this.#random = random;
    this.postpone(nowMs);
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  /** There is something more urgent now. */
  postpone(nowMs: number): void {
    this.#nextMs = nowMs + this.#settings.untangleMs * (0.75 + 0.5 * this.#random());
  }

  /** Whom to ask for a link now; nobody before `nextMs`, nor without gain. */
  due(strange: (peer: Endpoint) => boolean, nowMs: number): Endpoint | undefined {
    if (nowMs < this.#nextMs) return undefined;
    this.postpone(nowMs);
    if (this.#view.active.size < this.#settings.active || !this.#eviction.hasTangled()) return undefined;
    const far = [...this.#around.reachable()].filter((peer) => strange(peer) && this.isFar(peer));
    return sample(far, LOOKED_AT, this.#random).find((peer) => this.#isTangled(peer));
  }

  /** Whether it is known to have neighbours, and none of ours. */
  isFar(peer: Endpoint): boolean {
    const neighbours = this.#around.neighbours(peer);
    return (
      neighbours.length > 0 && !neighbours.some((one) => one === this.#self || this.#view.active.has(one))
    );
  }

  /** Whether it has a neighbour to give. */
  #isTangled(peer: Endpoint): boolean {
    const neighbours = new Set(this.#around.neighbours(peer));
    return [...neighbours].some((one) => countShared(this.#around.neighbours(one), neighbours) >= TANGLED);
  }
}
