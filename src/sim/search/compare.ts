import type { Plan } from '../plan/plan.js';
import type { RunOutcome, RunTask } from './run-task.js';

const CHECKPOINT_EVENTS = 1_000;
/** Lines before the first difference that are told. */
const LINES_BEFORE = 5;
const LINES_AFTER = 3;
/** How often the stretch of a difference is looked at before it counts as one that moves about. */
const LOOKS = 3;

/** Runs a task, each time in a fresh process. */
export type FreshRun = (task: RunTask) => Promise<RunOutcome>;

/** Whether two runs of a plan were the same, and where they parted if not. */
export type Comparison =
  | { readonly same: true; readonly outcome: RunOutcome }
  | {
      readonly same: false;
      readonly hashes: readonly [string, string];
      /** The runs agree up to this event at least. */
      readonly agreeUntilEvent: number;
      /** Undefined when the runs part elsewhere each time, so that nothing was seen of it. */
      readonly first: FirstDifference | undefined;
    };

export interface FirstDifference {
  /** What both runs had just before. */
  readonly before: readonly string[];
  /** What each of them had then; nothing when it was over. */
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/**
 * Runs a plan on both sides and compares: first hashes at checkpoints, then, where those differ, everything that
 * happened in the stretch before the first checkpoint that differs.
 */
export async function compareRuns(plan: Plan, left: FreshRun, right: FreshRun = left): Promise<Comparison> {
  const both = (task: RunTask): Promise<[RunOutcome, RunOutcome]> => Promise.all([left(task), right(task)]);
  let pair = await both({ plan, checkpointEvery: CHECKPOINT_EVENTS });
  if (isSame(pair)) return { same: true, outcome: pair[0] };
  const hashes = [pair[0].hash, pair[1].hash] as const;
  let agreeUntilEvent = 0;
  for (let look = 0; look < LOOKS; look += 1) {
    const afterEvent = lastAgreement(pair) * CHECKPOINT_EVENTS;
    agreeUntilEvent = look === 0 ? afterEvent : Math.min(agreeUntilEvent, afterEvent);
    const trace = { afterEvent, untilEvent: afterEvent + CHECKPOINT_EVENTS };
    pair = await both({ plan, checkpointEvery: CHECKPOINT_EVENTS, trace });
    const first = firstDifference(pair[0].trace, pair[1].trace);
    if (first !== undefined) return { same: false, hashes, agreeUntilEvent, first };
  }
  return { same: false, hashes, agreeUntilEvent, first: undefined };
}

/** A comparison for people, line by line. */
export function describeComparison(comparison: Comparison): readonly string[] {
  if (comparison.same) return [`both runs have the hash ${comparison.outcome.hash}`];
  const { hashes, agreeUntilEvent, first } = comparison;
  const lines = [
    `the runs differ: hashes ${hashes.join(' and ')}; they agree up to event ${agreeUntilEvent}`,
  ];
  if (first === undefined) {
    return [...lines, 'where they part changes from run to run: nothing differed when it was looked at'];
  }
  const { before, left, right } = first;
  return [
    ...lines,
    ...before.map((line) => `  both:  ${line}`),
    ...(left.length > 0 ? left : ['(over)']).map((line) => `  left:  ${line}`),
    ...(right.length > 0 ? right : ['(over)']).map((line) => `  right: ${line}`),
  ];
}

function isSame([left, right]: readonly [RunOutcome, RunOutcome]): boolean {
  // A run that threw has no hash; two of them say nothing about each other.
  return left.hash !== '' && left.hash === right.hash && left.events === right.events;
}

/** How many checkpoints from the beginning on are the same. */
function lastAgreement([left, right]: readonly [RunOutcome, RunOutcome]): number {
  const at = left.checkpoints.findIndex((hash, index) => hash !== right.checkpoints[index]);
  return at < 0 ? left.checkpoints.length : at;
}

export function firstDifference(
  left: readonly string[],
  right: readonly string[],
): FirstDifference | undefined {
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    if (left[at] === right[at]) continue;
    return {
      before: left.slice(Math.max(0, at - LINES_BEFORE), at),
      left: left.slice(at, at + LINES_AFTER),
      right: right.slice(at, at + LINES_AFTER),
    };
  }
  return undefined;
}
