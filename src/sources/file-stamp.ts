import type { BigIntStats } from 'node:fs';

/** What tells one content of a file from the next, as far as `stat` can. */
export interface FileStamp {
  readonly id: string;
  /** The later of modification and change of the inode, wall time. */
  readonly touchedMs: number;
}

export function stampOf(stat: BigIntStats): FileStamp {
  return {
    id: `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`,
    touchedMs: Math.max(Number(stat.mtimeMs), Number(stat.ctimeMs)),
  };
}

/** Times of files advance in ticks of some milliseconds, and some file systems' in steps of two seconds. */
const STEP_MS = 2_500;

/**
 * Whether an equal stamp later means equal content: not if the file was touched so recently that it could
 * change again within the same step of its clock. `nowMs` is wall time.
 */
export function isSettled(stamp: FileStamp, nowMs: number): boolean {
  return nowMs - stamp.touchedMs > STEP_MS;
}
