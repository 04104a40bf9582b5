import type { RunOptions, RunResult } from '../cluster.js';
import type { Violation } from '../invariants/invariant.js';
import type { Plan } from '../plan/plan.js';
import { traceLine } from '../report/trace-line.js';

/** A run that is wanted of another process. Plain data. */
export interface RunTask {
  readonly plan: Plan;
  /** Watches this invariant only. */
  readonly invariant?: string | undefined;
  /** Ends at the first violation. */
  readonly stopAtViolation?: boolean;
  /** Wants the run's hash after each so many events. */
  readonly checkpointEvery?: number;
  /** Wants all that happened from after one event up to and with another. */
  readonly trace?: { readonly afterEvent: number; readonly untilEvent: number };
}

/** What came of it. Plain data. */
export interface RunOutcome {
  readonly simulatedMs: number;
  readonly wallMs: number;
  readonly events: number;
  readonly messages: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly sometimes: readonly (readonly [name: string, times: number])[];
  readonly checkpoints: readonly string[];
  readonly trace: readonly string[];
}

/** The violation of a run that did not come to its end: something in it threw, or its process died. */
export const RUN_ENDS = 'the run comes to its end';

export type RunPlan = (plan: Plan, options: Omit<RunOptions, 'invariants'>) => Promise<RunResult>;

/** Runs a task in this process. `runPlan` watches what the task says. */
export async function runTask(
  task: RunTask,
  runPlan: (task: RunTask, options: Omit<RunOptions, 'invariants'>) => Promise<RunResult>,
): Promise<RunOutcome> {
  const { checkpointEvery, trace: wanted, stopAtViolation = false } = task;
  const checkpoints: string[] = [];
  const trace: string[] = [];
  let events = 0;
  const within = (event: number): boolean =>
    wanted !== undefined && event > wanted.afterEvent && event <= wanted.untilEvent;
  const options: Omit<RunOptions, 'invariants'> = {
    stopAtViolation,
    ...(wanted === undefined
      ? {}
      : {
          follow: (happening, atMs) => {
            if (within(events + 1)) trace.push(traceLine(happening, atMs));
          },
        }),
    ...(wanted === undefined && checkpointEvery === undefined
      ? {}
      : {
          afterEvent: (position) => {
            events = position.events;
            if (within(events)) {
              const { nowMs, hash } = position;
              trace.push(`event ${events} at ${nowMs} ms is over, the hash is ${hash.digest()}`);
            }
            if (checkpointEvery !== undefined && events % checkpointEvery === 0)
              checkpoints.push(position.hash.digest());
          },
        }),
  };
  const beganMs = performance.now();
  try {
    const result = await runPlan(task, options);
    const { simulatedMs, messages, hash, violations, sometimes } = result;
    const wallMs = performance.now() - beganMs;
    return {
      simulatedMs,
      wallMs,
      events: result.events,
      messages,
      hash,
      violations,
      sometimes: [...sometimes],
      checkpoints,
      trace,
    };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...failedOutcome(what, performance.now() - beganMs), checkpoints, trace };
  }
}

/** The outcome of a run that did not come to its end. */
export function failedOutcome(what: string, wallMs: number): RunOutcome {
  return {
    simulatedMs: 0,
    wallMs,
    events: 0,
    messages: 0,
    hash: '',
    violations: [{ invariant: RUN_ENDS, atMs: 0, host: undefined, what }],
    sometimes: [],
    checkpoints: [],
    trace: [],
  };
}
