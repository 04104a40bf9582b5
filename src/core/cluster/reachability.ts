import type { Endpoint } from '../endpoint.js';
import { compareVersions, type Death, type Version } from './record.js';
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

/** What a node says of itself and its links. */
interface Said {
  readonly version: Version;
  readonly neighbours: ReadonlySet<Endpoint>;
  readonly died: readonly Death[];
}

const NOTHING: Said = { version: { epoch: 0, counter: 0 }, neighbours: new Set(), died: [] };
const NO_LINKS: readonly Endpoint[] = [];

/**
 * Who can be reached from `self` over working links, by breadth-first search. A link counts if both ends list
 * each other: one that says a neighbour is gone is believed at once, one that claims a neighbour is not. And it does not
 * count if either end was seen to die by two thirds of those whom it names as its neighbours, and has said nothing since: so the
 * last of them need not be heard, and no single one is believed.
 *
 * Ties go to the smaller endpoint, so the tree is a function of the graph and equal at all who know the same. It is mended
 * with each change, where ways become shorter or longer: while a thousand nodes find together each hears of ten thousand changes,
 * and wants to know after each who is reached. It is searched anew only for the order of who is reached.
 */
export class Reachability {
  readonly self: Endpoint;
  readonly #cache: TreeCache | undefined;
  readonly #said = new Map<Endpoint, Said>();
  /** How many say that they saw somebody die, believed or not. */
  readonly #accusers = new Map<Endpoint, number>();
  /** Whom two thirds of their neighbours saw die. */
  readonly #dead = new Set<Endpoint>();
  /** Links that count, by either end. */
  readonly #links = new Map<Endpoint, Endpoint[]>();
  #tree: Tree;
  /** Whether `#tree` lists the nearest first. */
  #ordered = true;
  #graphRevision = 0;
  #reachedRevision = 0;

  constructor(self: Endpoint, cache?: TreeCache) {
    this.self = self;
    this.#cache = cache;
    this.#tree = breadthFirst(self, () => []);
  }

  /** Changes whenever any tree may have. */
  get graphRevision(): number {
    return this.#graphRevision;
  }

  /** Changes whenever somebody came to be reached or is reached no more. */
  get reachedRevision(): number {
    return this.#reachedRevision;
  }

  /** What `origin` says of its neighbours now. */
  set(
    origin: Endpoint,
    neighbours: readonly Endpoint[],
    died: readonly Death[] = NOTHING.died,
    version: Version = NOTHING.version,
  ): void {
    const before = this.#said.get(origin) ?? NOTHING;
    const after: Said = { version, neighbours: new Set(neighbours), died };
    this.#said.set(origin, after);
    for (const { node } of died) this.#accuse(node, 1);
    for (const { node } of before.died) this.#accuse(node, -1);
    for (const neighbour of before.neighbours)
      if (!after.neighbours.has(neighbour)) this.#weigh(origin, neighbour);
    // Whoever is named as before has the link as before, unless somebody is judged otherwise now.
    for (const neighbour of after.neighbours)
      if (!before.neighbours.has(neighbour)) this.#weigh(origin, neighbour);
    this.#judge(origin);
    for (const { node } of before.died) this.#judge(node);
    for (const { node } of died) this.#judge(node);
  }

  delete(origin: Endpoint): void {
    this.set(origin, []);
    this.#said.delete(origin);
  }

  has(node: Endpoint): boolean {
    return this.#tree.distance.has(node);
  }

  /** Whether somebody whom it names says that it died, and it has not said anything since. */
  doubted(node: Endpoint): boolean {
    return this.#witnesses(node) > 0;
  }

  /** Links on the way from here, or undefined when there is no way. */
  distance(node: Endpoint): number | undefined {
    return this.#tree.distance.get(node);
  }

  /** The last but one on the way from here. */
  parent(node: Endpoint): Endpoint | undefined {
    return this.#tree.parent.get(node);
  }

  /** Everybody that can be reached, nearest first. */
  reached(): IterableIterator<Endpoint> {
    if (!this.#ordered) {
      this.#tree = breadthFirst(this.self, (node) => this.neighbours(node));
      this.#ordered = true;
    }
    return this.#tree.distance.keys();
  }

  /** The same in no order that means anything, which needs no search. */
  everybody(): IterableIterator<Endpoint> {
    return this.#tree.distance.keys();
  }

  get size(): number {
    return this.#tree.distance.size;
  }

  /** The longest of the shortest ways. */
  get depth(): number {
    let deepest = 0;
    for (const distance of this.#tree.distance.values()) deepest = Math.max(deepest, distance);
    return deepest;
  }

  /** To whom `self` passes on what `origin` broadcasts along the tree rooted at it. */
  children(origin: Endpoint): readonly Endpoint[] {
    const tree = origin === this.self ? this.#tree : this.#treeOf(origin);
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

  /** Whether two thirds of those whom `node` names saw it die after the last that it said. We ourselves live. */
  #judge(node: Endpoint): void {
    const { neighbours } = this.#said.get(node) ?? NOTHING;
    const witnesses = this.#witnesses(node);
    const dead = witnesses > 0 && 3 * witnesses >= 2 * neighbours.size && node !== this.self;
    if (dead === this.#dead.has(node)) return;
    if (dead) this.#dead.add(node);
    else this.#dead.delete(node);
    for (const neighbour of neighbours) this.#weigh(node, neighbour);
  }

  #accuse(node: Endpoint, more: number): void {
    const count = (this.#accusers.get(node) ?? 0) + more;
    if (count > 0) this.#accusers.set(node, count);
    else this.#accusers.delete(node);
  }

  #witnesses(node: Endpoint): number {
    if (!this.#accusers.has(node)) return 0;
    const { neighbours, version } = this.#said.get(node) ?? NOTHING;
    let count = 0;
    for (const neighbour of neighbours) if (this.#saw(neighbour, node, version)) count += 1;
    return count;
  }

  #saw(witness: Endpoint, node: Endpoint, version: Version): boolean {
    const said = this.#said.get(witness);
    if (said === undefined || said.died.length === 0 || said.neighbours.has(node)) return false;
    return said.died.some((death) => death.node === node && compareVersions(death, version) >= 0);
  }

  /** Whether the link between the two counts may have changed. */
  #weigh(a: Endpoint, b: Endpoint): void {
    const counts = this.#lists(a, b) && this.#lists(b, a) && !this.#dead.has(a) && !this.#dead.has(b);
    if (counts === this.neighbours(a).includes(b)) return;
    if (counts) this.#added(a, b);
    else this.#removed(a, b);
  }

  #lists(node: Endpoint, neighbour: Endpoint): boolean {
    return this.#said.get(node)?.neighbours.has(neighbour) === true;
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
    const { distance, parent } = this.#tree;
    const atA = distance.get(a) ?? Number.POSITIVE_INFINITY;
    const atB = distance.get(b) ?? Number.POSITIVE_INFINITY;
    if (atA === atB) return;
    const [near, far] = atA < atB ? [a, b] : [b, a];
    const gap = Math.abs(atA - atB);
    if (gap > 1) this.#settle([[far, Math.min(atA, atB) + 1]]);
    else if (near < parent.get(far)!) parent.set(far, near);
  }

  #removed(a: Endpoint, b: Endpoint): void {
    this.#graphRevision += 1;
    this.#unlink(a, b);
    this.#unlink(b, a);
    const { parent } = this.#tree;
    const child = parent.get(a) === b ? a : parent.get(b) === a ? b : undefined;
    if (child === undefined) return;
    const mother = this.#motherOf(child);
    if (mother !== undefined) parent.set(child, mother);
    else this.#settle(this.#uproot(child));
  }

  /** The smallest neighbour that is a step nearer. */
  #motherOf(node: Endpoint): Endpoint | undefined {
    const { distance } = this.#tree;
    const nearer = distance.get(node)! - 1;
    let mother: Endpoint | undefined;
    for (const neighbour of this.neighbours(node)) {
      if (distance.get(neighbour) !== nearer) continue;
      if (mother === undefined || neighbour < mother) mother = neighbour;
    }
    return mother;
  }

  /**
   * Takes out `top`, whom nobody a step nearer is linked to, and all below it of whom the same is true then. Answers those of
   * them that are linked to somebody who stays, and how far they are that way at best.
   */
  #uproot(top: Endpoint): [Endpoint, number][] {
    const { distance, parent } = this.#tree;
    const out = [top];
    this.#reachedRevision += 1;
    // Level by level: when one is looked at, all above it that go are gone.
    for (const node of out) {
      const children = this.neighbours(node).filter((neighbour) => parent.get(neighbour) === node);
      distance.delete(node);
      parent.delete(node);
      for (const child of children) {
        const mother = this.#motherOf(child);
        if (mother !== undefined) parent.set(child, mother);
        else out.push(child);
      }
    }
    const ends: [Endpoint, number][] = [];
    for (const node of out) {
      const steps = this.neighbours(node).map(
        (neighbour) => distance.get(neighbour) ?? Number.POSITIVE_INFINITY,
      );
      const nearest = Math.min(...steps);
      if (nearest < Number.POSITIVE_INFINITY) ends.push([node, nearest + 1]);
    }
    this.#ordered = false;
    return ends;
  }

  /** Nodes come to be so near, and others over them: in the order of their distances (Dijkstra 1959, all links of length one). */
  #settle(starts: readonly (readonly [Endpoint, number])[]): void {
    const { distance, parent } = this.#tree;
    const byDistance: Endpoint[][] = [];
    const offer = (node: Endpoint, steps: number): void => {
      if ((distance.get(node) ?? Number.POSITIVE_INFINITY) <= steps) return;
      const list = byDistance[steps];
      if (list === undefined) byDistance[steps] = [node];
      else list.push(node);
    };
    for (const [node, steps] of starts) offer(node, steps);
    for (let steps = 0; steps < byDistance.length; steps += 1) {
      const here = (byDistance[steps] ?? []).filter((node) => {
        const before = distance.get(node) ?? Number.POSITIVE_INFINITY;
        if (before <= steps) return false;
        if (before === Number.POSITIVE_INFINITY) this.#reachedRevision += 1;
        distance.set(node, steps);
        return true;
      });
      for (const node of here) {
        parent.set(node, this.#motherOf(node)!);
        for (const neighbour of this.neighbours(node)) {
          offer(neighbour, steps + 1);
          // It was as far before, by a larger one.
          if (distance.get(neighbour) === steps + 1 && node < parent.get(neighbour)!)
            parent.set(neighbour, node);
        }
      }
    }
    this.#ordered = false;
  }
}
