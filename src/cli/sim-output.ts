import { ALL_INVARIANTS, RARE_BRANCHES, type RunResult, type Violation } from '../sim/cluster.js';
import type { TimeShare } from '../sim/report/cpu-profile.js';
import { counted, seconds } from '../sim/report/fault-text.js';
import type { ConnectionCounts } from '../sim/report/timeline.js';

/** A run with what only the one who watched it knows. */
export interface WatchedRun {
  readonly result: RunResult;
  readonly wallMs: number;
  readonly counts: ConnectionCounts;
  readonly shares: readonly TimeShare[];
  readonly interrupted: boolean;
}

const LEAST_SHARE = 0.01;

/** One line a violation: when, where, what was promised, what happened. */
export function violationLine({ atMs, host, invariant, what }: Violation): string {
  return `violation at ${seconds(atMs)} s on ${host ?? 'all'}: ${invariant}: ${what}`;
}

/** What was done, and how fast. */
export function summaryOf({ result, wallMs, counts, shares, interrupted }: WatchedRun): string {
  const { simulatedMs, events, messages, sometimes } = result;
  const perSecond = (count: number): string => rate((count * 1000) / Math.max(wallMs, 1));
  const lines = [
    `${seconds(simulatedMs)} simulated seconds in ${(wallMs / 1000).toFixed(2)} s, ${speedOf(simulatedMs, wallMs)} real time${interrupted ? '; ended early' : ''}`,
    `${events} events (${perSecond(events)}/s), ${messages} messages between actors (${perSecond(messages)}/s)`,
    `${counted(counts.began, 'connection')}: ${counts.ok + counts.slow} connected, ${counts.slow} of them late, ${counts.failed} failed`,
  ];
  const where = shares
    .filter(({ share }) => share >= LEAST_SHARE)
    .map(({ part, share }) => `${part} ${Math.round(share * 100)} %`);
  if (where.length > 0) lines.push(`where the time went: ${where.join(', ')}`);
  const broken = new Set(result.violations.map(({ invariant }) => invariant));
  for (const { name, promise } of ALL_INVARIANTS) {
    if (broken.has(name)) lines.push(`${name} promises: ${promise}`);
  }
  const reached = RARE_BRANCHES.filter((name) => sometimes.has(name)).length;
  lines.push(`rare branches reached: ${reached} of ${RARE_BRANCHES.length}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** The last line, for tools. */
export function resultLine({ result, wallMs }: WatchedRun): string {
  const { plan, events, simulatedMs, hash, violations } = result;
  const wall = (wallMs / 1000).toFixed(3);
  return `seed=${plan.seed} events=${events} simulated=${seconds(simulatedMs)}s wall=${wall}s hash=${hash} violations=${violations.length}\n`;
}

/** What `--json` writes: the plan, which can be replayed, and what came of it. */
export function resultDocument(run: WatchedRun, command: string): string {
  const { result, wallMs, counts, shares, interrupted } = run;
  const { plan, sometimes, ...others } = result;
  const document = {
    command,
    plan,
    result: {
      ...others,
      sometimes: Object.fromEntries(sometimes),
      connections: counts,
      interrupted,
      wallMs: Math.round(wallMs),
      simulatedPerWallSecond: Math.round(result.simulatedMs / Math.max(wallMs, 1)),
      timeShares: Object.fromEntries(
        shares.map(({ part, share }) => [part, Math.round(share * 1000) / 1000]),
      ),
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** `312 x`. */
export function speedOf(simulatedMs: number, wallMs: number): string {
  const times = simulatedMs / Math.max(wallMs, 1);
  return `${times >= 10 ? Math.round(times) : times.toFixed(1)} x`;
}

/** A number that is read at a glance: `950`, `81k`, `1.2M`. */
export function rate(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return value >= 10_000 ? `${Math.round(value / 1000)}k` : String(Math.round(value));
}
