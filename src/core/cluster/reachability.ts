import type { Endpoint } from '../endpoint.js';
import { breadthFirst, type Tree } from './tree.js';

/** Keeps what was reckoned for a graph, e.g. an LRU cache; losing an entry costs time only. */
export interface TreeCache {
  get(origin: Endpoint): CachedTree | undefined;
  set(origin: Endpoint, tree: CachedTree): unknown;
}

export interface CachedTree {
  readonly graphRevision: number;
  readonly tree: Tree;
}

const NOBODY: ReadonlySet<Endpoint> = new Set();
const NO_LINKS: readonly Endpoint[] = [];

/**
 * Who can be reached from `self` over working links, by breadth-first search. A link counts if both ends list
 * each other: one that says a neighbour is gone is believed at once, one that claims a neighbour is not.
 *
 * Ties go to the smaller endpoint, so the tree is a function of the graph and equal at all who know the same. Most
 * changes touch no shortest path or are repaired beside it; the others have the tree searched anew, once,
 * when somebody asks next.
 */
export class Reachability {
  readonly self: Endpoint;
  readonly #cache: TreeCache | undefined;
  /** What each says. */
  readonly #listed = new Map<Endpoint, ReadonlySet<Endpoint>>();
  /** Links that both ends list, by either end. */
  readonly #links = new Map<Endpoint, Endpoint[]>();
  #tree: Tree;
  #stale = false;
  #graphRevision = 0;
  #searches = 0;

  constructor(self: Endpoint, cache?: TreeCache) {
    this.self = self;
    this.#cache = cache;
    this.#tree = breadthFirst(self, () => []);
  }

  /** Changes whenever any tree may have. */
  get graphRevision(): number {
    return this.#graphRevision;
  }

  /** How many times the whole tree was searched. */
  get searches(): number {
    return this.#searches;
  }

  /** What `origin` says of its neighbours now. */
  set(origin: Endpoint, neighbours: readonly Endpoint[]): void {
    const before = this.#listed.get(origin) ?? NOBODY;
    const after = new Set(neighbours);
    this.#listed.set(origin, after);
    for (const neighbour of before) {
      if (!after.has(neighbour) && this.#lists(neighbour, origin)) this.#removed(origin, neighbour);
    }
    for (const neighbour of after) {
      if (!before.has(neighbour) && this.#lists(neighbour, origin)) this.#added(origin, neighbour);
    }
  }

  delete(origin: Endpoint): void {
    this.set(origin, []);
    this.#listed.delete(origin);
  }

  has(node: Endpoint): boolean {
    return this.#current().distance.has(node);
  }

  /** Links on the way from here, or undefined when there is no way. */
  distance(node: Endpoint): number | undefined {
    return this.#current().distance.get(node);
  }

  /** The last but one on the way from here. */
  parent(node: Endpoint): Endpoint | undefined {
    return this.#current().parent.get(node);
  }

  /** Everybody that can be reached, nearest first. */
  reached(): IterableIterator<Endpoint> {
    return this.#current().distance.keys();
  }

  get size(): number {
    return this.#current().distance.size;
  }

  /** The longest of the shortest ways. */
  get depth(): number {
    let deepest = 0;
    for (const distance of this.#current().distance.values()) deepest = Math.max(deepest, distance);
    return deepest;
  }

  /** To whom `self` passes on what `origin` broadcasts along the tree rooted at it. */
  children(origin: Endpoint): readonly Endpoint[] {
    const tree = origin === this.self ? this.#current() : this.#treeOf(origin);
    const ours = tree.distance.get(this.self);
    if (ours === undefined) return [];
    return this.neighbours(this.self).filter((neighbour) => tree.parent.get(neighbour) === this.self);
  }

  /** Those with whom `node` has a link that both list. */
  neighbours(node: Endpoint): readonly Endpoint[] {
    return this.#links.get(node) ?? NO_LINKS;
  }

  #treeOf(origin: Endpoint): Tree {
    const cached = this.#cache?.get(origin);
    if (cached?.graphRevision === this.#graphRevision) return cached.tree;
    const tree = breadthFirst(origin, (node) => this.neighbours(node));
    this.#cache?.set(origin, { graphRevision: this.#graphRevision, tree });
    return tree;
  }

  #current(): Tree {
    if (!this.#stale) return this.#tree;
    this.#tree = breadthFirst(this.self, (node) => this.neighbours(node));
    this.#stale = false;
    this.#searches += 1;
    return this.#tree;
  }

  #lists(node: Endpoint, neighbour: Endpoint): boolean {
    return this.#listed.get(node)?.has(neighbour) === true;
  }

  #link(from: Endpoint, to: Endpoint): void {
    const links = this.#links.get(from);
    if (links === undefined) this.#links.set(from, [to]);
    else links.push(to);
  }

  #unlink(from: Endpoint, to: Endpoint): void {
    const links = this.#links.get(from)!;
    if (links.length === 1) this.#links.delete(from);
    else links.splice(links.indexOf(to), 1);
  }

  #added(a: Endpoint, b: Endpoint): void {
    this.#graphRevision += 1;
    this.#link(a, b);
    this.#link(b, a);
    if (this.#stale) return;
    const { distance, parent } = this.#tree;
    const [atA, atB] = [distance.get(a), distance.get(b)];
    if (atA === undefined && atB === undefined) return;
    if (atA === undefined || atB === undefined || Math.abs(atA - atB) > 1) {
      this.#stale = true;
    } else if (atA !== atB) {
      const [near, far] = atA < atB ? [a, b] : [b, a];
      if (near < parent.get(far)!) parent.set(far, near);
    }
  }

  #removed(a: Endpoint, b: Endpoint): void {
    this.#graphRevision += 1;
    this.#unlink(a, b);
    this.#unlink(b, a);
    if (this.#stale) return;
    const { distance, parent } = this.#tree;
    const child = parent.get(a) === b ? a : parent.get(b) === a ? b : undefined;
    if (child === undefined) return;
    let other: Endpoint | undefined;
    for (const neighbour of this.neighbours(child)) {
      if (distance.get(neighbour) !== distance.get(child)! - 1) continue;
      if (other === undefined || neighbour < other) other = neighbour;
    }
    if (other === undefined) this.#stale = true;
    else parent.set(child, other);
  }
}
