import { decayed } from './peak-ewma.js';

/**
 * A backend's numbers, as many as fit a cache line. Those of one balancer lie side by side in one array: among
 * ten thousand backends a pick would else wait for the memory of half a dozen scattered objects of each one
 * it looks at, which costs several times what it computes.
 */
export const LINE = 8;
/** Indices within a line. */
export const PENDING = 0;
/** -1 while nothing was measured. */
export const AVERAGE_MS = 1;
export const AVERAGE_AT_MS = 2;
export const CONSECUTIVE_FAILURES = 3;
export const UNREACHABLE = 4;
export const ENDPOINT = 5;
export const SUCCESSES = 6;
export const FAILURES = 7;

/**
 * Time constant of the latency average. Half of Finagle's default: a handshake tells of the network and the
 * backend's kernel, and one that was slow by chance should not keep a good backend waiting for long.
 */
export const TAU_MS = 5_000;

/**
 * Handshakes faster than this are equally good: what differs below a millisecond is when somebody's scheduler
 * ran. Without it two idle backends would not share connections; the luckier one would get them all.
 */
const RESOLUTION_MS = 1;

/**
 * What an unmeasured backend with handshakes in flight costs for each of them: more than any measured one,
 * so that a new backend is tried with one connection first and not with all of them.
 */
const UNMEASURED_PENDING_COST = 1e9;

/** What sending one more connection there is expected to cost; compares backends, has no unit. */
export function costOf(lines: Float64Array, at: number, nowMs: number): number {
  const averageMs = lines[at + AVERAGE_MS]!;
  const pending = lines[at + PENDING]!;
  if (averageMs < 0) return pending * UNMEASURED_PENDING_COST;
  const latencyMs = decayed(averageMs, nowMs - lines[at + AVERAGE_AT_MS]!, TAU_MS);
  return Math.max(RESOLUTION_MS, latencyMs) * (pending + 1);
}
