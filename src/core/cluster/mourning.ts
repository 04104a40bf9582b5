import type { Endpoint } from '../endpoint.js';
import { type Death, NEIGHBOURS_MOST, type Version } from './record.js';

/** So long after a neighbour's death what we publish tells of it: it overtakes what said so first. */
const MOURN_MS = 1000;
/** Older than whatever anybody says. */
const NEVER: Version = { epoch: 0, counter: 0 };

/** Neighbours that died a moment ago. */
export class Mourning {
  readonly #deaths = new Map<Endpoint, { readonly death: Death; readonly atMs: number }>();

  /** `last`: the last that the neighbour said, if anything is known of it. */
  add(node: Endpoint, last: Version | undefined, nowMs: number): void {
    const { epoch, counter } = last ?? NEVER;
    this.#deaths.delete(node);
    this.#deaths.set(node, { death: { node, epoch, counter }, atMs: nowMs });
  }

  /** No more than a record may name, the last of them; without those who are neighbours again. */
  recent(neighbours: readonly Endpoint[], nowMs: number): Death[] {
    for (const [node, { atMs }] of this.#deaths) {
      if (nowMs - atMs >= MOURN_MS || neighbours.includes(node)) this.#deaths.delete(node);
    }
    return [...this.#deaths.values()].slice(-NEIGHBOURS_MOST).map(({ death }) => death);
  }
}
