import type { Endpoint } from '../endpoint.js';

/** Milliseconds and counts. */
export interface HyparviewSettings {
  /** Neighbours wanted, and had at most. */
  readonly active: number;
  readonly passive: number;
  /** Steps of a walk for a joiner, and at which step left it is noted in passing. */
  readonly walk: number;
  readonly notedAt: number;
  readonly shuffleMs: number;
  /** Between attempts to give a link among neighbours for one to somebody far, while nobody dies. */
  readonly untangleMs: number;
  /** Of the active and of the passive view in a shuffle. */
  readonly shuffleActive: number;
  readonly shufflePassive: number;
  readonly dialMs: number;
  /** An answer or a request that does not come within this is not waited for. */
  readonly answerMs: number;
  /** Neighbours that live are put out for others so seldom at most, lest joins chase each other around. */
  readonly evictMs: number;
  /**
   * A neighbour that died is replaced between so much later at least and so much at most, while enough are left: when all
   * know who else died, and not by everybody at once. Dials, handshakes and the news of new links cost more CPU time than
   * detection, which should not wait for them, nor should clients.
   */
  readonly mournLeastMs: number;
  readonly mournMostMs: number;
  /** Between attempts to find a neighbour. */
  readonly promoteLeastMs: number;
  readonly promoteMostMs: number;
  /** Between attempts to reach somebody whom no path leads to. */
  readonly probeLeastMs: number;
  readonly probeMostMs: number;
}

/** Sizes are Lashup's; Leitão 2007 has 5 and 30 for 10,000 nodes, walks of 6 and 3. */
export const HYPARVIEW_DEFAULTS: HyparviewSettings = {
  active: 7,
  passive: 42,
  walk: 8,
  notedAt: 5,
  shuffleMs: 15_000,
  untangleMs: 10_000,
  shuffleActive: 3,
  shufflePassive: 4,
  dialMs: 1500,
  answerMs: 2000,
  evictMs: 1000,
  mournLeastMs: 1500,
  mournMostMs: 7500,
  promoteLeastMs: 200,
  promoteMostMs: 30_000,
  probeLeastMs: 500,
  probeMostMs: 10_000,
};

/** What the overlay asks of those who know the whole graph. */
export interface Surroundings {
  isReachable(member: Endpoint): boolean;
  /** Known members that no path leads to and that did not leave. */
  unreachable(): readonly Endpoint[];
  /** All members that a path leads to. */
  reachable(): Iterable<Endpoint>;
  /** Those with whom it has links that both ends told of. */
  neighbours(member: Endpoint): readonly Endpoint[];
  /** How many neighbours it says that it has; undefined when nothing was heard of it. */
  degree(member: Endpoint): number | undefined;
}
