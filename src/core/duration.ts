const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]);

/** Reads `400ms`, `5s`, `1.5m`, `1h` as milliseconds; undefined for anything else, also for a bare number. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * UNITS_MS.get(match[2]!)!);
}

/** Writes whole milliseconds in the largest unit that loses nothing, so that reading it back gives the same. */
export function formatDuration(ms: number): string {
  for (const [unit, unitMs] of UNITS_MS) if (ms > 0 && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${ms}ms`;
}
