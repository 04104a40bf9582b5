/**
 * Peak-sensitive exponentially weighted moving average of a latency, after Finagle's `PeakEwma` load
 * metric: a sample above the average replaces it at once, lower ones pull it down with
 * `exp(-elapsed / tau)`, and while nothing is measured it decays towards zero, so that a backend that was
 * slow once is tried again. All in milliseconds; the average and its time are the caller's to keep.
 */

/** The average after a sample that came `elapsedMs` after the one before; the first is taken as it is. */
export function averageAfter(
  averageMs: number | undefined,
  elapsedMs: number,
  sampleMs: number,
  tauMs: number,
): number {
  if (averageMs === undefined || sampleMs > averageMs) return sampleMs;
  const weight = Math.exp(-Math.max(0, elapsedMs) / tauMs);
  return averageMs * weight + sampleMs * (1 - weight);
}

/** What is left of the average when nothing has been measured for `elapsedMs`. */
export function decayed(averageMs: number, elapsedMs: number, tauMs: number): number {
  return elapsedMs > 0 ? averageMs * Math.exp(-elapsedMs / tauMs) : averageMs;
}
