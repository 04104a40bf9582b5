/** How many restarts a supervisor grants within how long; one more within that time, and it gives up itself. */
export interface RestartIntensity {
  readonly restarts: number;
  readonly withinMs: number;
}

export const DEFAULT_INTENSITY: RestartIntensity = { restarts: 5, withinMs: 10_000 };

/** When the restarts within the window were granted, oldest first, in milliseconds. */
export type RestartHistory = readonly number[];

/**
 * The history with one more restart at `nowMs`, or undefined if that exceeds the intensity. A sliding
 * window, its far end included, as OTP's `supervisor:add_restart` counts.
 */
export function grantRestart(
  history: RestartHistory,
  nowMs: number,
  intensity: RestartIntensity,
): RestartHistory | undefined {
  const recent = history.filter((atMs) => nowMs - atMs <= intensity.withinMs);
  return recent.length < intensity.restarts ? [...recent, nowMs] : undefined;
}
