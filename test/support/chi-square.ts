/** Pearson's statistic of counts that should be equal. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** z of the standard normal distribution with 1e-6 above it. */
const Z_ONE_IN_A_MILLION = 4.7534;

/**
 * The statistic that equal chances exceed once in a million times (Wilson and Hilferty's approximation of
 * the chi-square distribution, 1931; within 1 % from 5 degrees of freedom).
 */
export function oneInAMillion(degreesOfFreedom: number): number {
  const spread = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - spread + Z_ONE_IN_A_MILLION * Math.sqrt(spread)) ** 3;
}
