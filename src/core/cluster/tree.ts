import type { Endpoint } from '../endpoint.js';
import { ascending } from './record.js';

/** A shortest way from the root to each node: how long it is, and who is the last but one on it. */
export interface Tree {
  readonly distance: Map<Endpoint, number>;
  /** The root has none. */
  readonly parent: Map<Endpoint, Endpoint>;
}

/** Breadth-first search, level by level; of several parents the smallest endpoint. */
export function breadthFirst(root: Endpoint, neighbours: (node: Endpoint) => Iterable<Endpoint>): Tree {
  const distance = new Map<Endpoint, number>([[root, 0]]);
  const parent = new Map<Endpoint, Endpoint>();
  let level: Endpoint[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    const next: Endpoint[] = [];
    // In ascending order the first to find a node is its smallest parent.
    for (const node of level.sort(ascending)) {
      for (const neighbour of neighbours(node)) {
        if (distance.has(neighbour)) continue;
        distance.set(neighbour, depth);
        parent.set(neighbour, node);
        next.push(neighbour);
      }
    }
    level = next;
  }
  return { distance, parent };
}
