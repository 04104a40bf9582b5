import type { Endpoint } from '../endpoint.js';
import type { MeshLink } from './peer.js';

/**
 * Whom a node is neighbour of, and whom else it has heard of. Plain data that stands beside whoever works on it, so that a
 * crash of that does not look to the others like a death.
 */
export interface View {
  /** Neighbours: both sides agreed, on this very link. */
  readonly active: Map<Endpoint, ActiveEntry>;
  /** Those to ask when a neighbour is lost, in no order that means anything. */
  readonly passive: Map<Endpoint, PassiveEntry>;
}

export interface ActiveEntry {
  readonly link: MeshLink;
  readonly sinceMs: number;
}

export interface PassiveEntry {
  /** It had no room, or did not answer: not to be asked before. */
  notBeforeMs: number;
}

/** With so many neighbours at least, finding more is no emergency, and a further one is to spare. */
export const ENOUGH = 4;
/** With fewer neighbours than this one death cuts off. */
export const FEW = 2;

export function emptyView(): View {
  return { active: new Map(), passive: new Map() };
}

/** Whether this very link is the neighbour's; what comes by another one does not speak for him. */
export function isNeighbour(view: View, { id, peer }: MeshLink): boolean {
  return view.active.get(peer.endpoint)?.link.id === id;
}

/** How many of a node's neighbours are another one's, too. */
export function countShared(
  neighbours: readonly Endpoint[],
  others: { has(node: Endpoint): boolean },
): number {
  return neighbours.filter((node) => others.has(node)).length;
}

/** A member chosen at random, or undefined of none. */
export function draw<T>(from: readonly T[], random: () => number): T | undefined {
  return from[Math.floor(random() * from.length)];
}

/** So many of them at random, without replacement. */
export function sample<T>(from: Iterable<T>, count: number, random: () => number): T[] {
  const all = [...from];
  const taken = Math.min(count, all.length);
  for (let i = 0; i < taken; i += 1) {
    const j = i + Math.floor(random() * (all.length - i));
    const kept = all[i]!;
    all[i] = all[j]!;
    all[j] = kept;
  }
  return all.slice(0, taken);
}

/** Puts somebody into the passive view; if there is no room somebody at random goes. */
export function addPassive(
  view: View,
  self: Endpoint,
  peer: Endpoint,
  most: number,
  random: () => number,
): void {
  if (peer === self || view.active.has(peer) || view.passive.has(peer)) return;
  if (view.passive.size >= most) view.passive.delete(draw([...view.passive.keys()], random)!);
  view.passive.set(peer, { notBeforeMs: Number.NEGATIVE_INFINITY });
}
