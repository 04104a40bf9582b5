import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import {
  ALL_INVARIANTS,
  type Happening,
  type Plan,
  type RunResult,
  runPlan,
  SCENARIOS,
} from '../sim/cluster.js';
import { replayArguments } from '../sim/report/command.js';
import { CpuProfile } from '../sim/report/cpu-profile.js';
import { describePlan, describeTimedFault, seconds } from '../sim/report/fault-text.js';
import { LineFile } from '../sim/report/line-file.js';
import { reportPage } from '../sim/report/page.js';
import { Timeline } from '../sim/report/timeline.js';
import { traceLine } from '../sim/report/trace-line.js';
import { describeReduction, minimise } from '../sim/search/minimise.js';
import { RUN_ENDS } from '../sim/search/run-task.js';
import { WorkerPool } from '../sim/search/worker-pool.js';
import { CommandFailure, EXIT_FAILURE, EXIT_USAGE } from './failure.js';
import { type RawSimOptions, readSimOptions, type SimRequest } from './sim-options.js';
import {
  rate,
  resultDocument,
  resultLine,
  speedOf,
  summaryOf,
  violationLine,
  type WatchedRun,
} from './sim-output.js';
import { ProgressLine } from './sim-progress.js';
import { formatTable } from './table.js';

/** A run that breaks one promise often breaks it at every event from then on. */
const MOST_LINES = 20;
const MINIMISE_RUNS = 600;
const MINIMISE_MS = 300_000;

/** `minuteman sim`: answers the exit status. Ctrl-C ends the run early; a second one ends the process. */
export async function simCommand(raw: RawSimOptions, print: (text: string) => void): Promise<number> {
  if (raw.listScenarios === true) {
    print(
      formatTable(
        ['scenario', 'what happens'],
        SCENARIOS.map(({ name, about }) => [name, about]),
      ),
    );
    return 0;
  }
  const options = readSimOptions(raw);
  if (!options.ok) throw new CommandFailure(EXIT_USAGE, ...options.faults);
  const { request } = options;
  const { plan } = request;
  const command = `minuteman ${replayArguments(plan, request.replayed ?? request.json ?? 'PLAN.json')}`;
  print(`seed ${plan.seed}, ${plan.scenario}: ${describePlan(plan)}\n`);
  const abort = new AbortController();
  const onSignal = (): void => {
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  try {
    const run = await watched(request, command, abort.signal, print);
    print(summaryOf(run));
    if (request.json !== undefined) save(request.json, resultDocument(run, command));
    if (request.minimised !== undefined) await minimised(request.minimised, run.result, abort.signal, print);
    print(resultLine(run));
    return run.result.violations.length > 0 ? EXIT_FAILURE : 0;
  } finally {
    process.off('SIGINT', onSignal);
  }
}

/** Runs the plan, showing how it goes, and writes the trace and the report. */
async function watched(
  request: SimRequest,
  command: string,
  signal: AbortSignal,
  print: (text: string) => void,
): Promise<WatchedRun> {
  const { plan } = request;
  const timeline = new Timeline(plan);
  const trace = request.trace === undefined ? undefined : new LineFile(request.trace);
  trace?.add(JSON.stringify({ plan }));
  const progress = new ProgressLine(process.stderr, () => performance.now());
  let violations = 0;
  const tell = (happening: Happening, atMs: number): void => {
    if (happening.kind !== 'violation') return;
    violations += 1;
    progress.clear();
    if (violations <= MOST_LINES) print(`${violationLine({ ...happening, atMs })}\n`);
    else if (violations === MOST_LINES + 1)
      print('more violations follow; the report and --json have them\n');
  };
  const follow = (happening: Happening, atMs: number): void => {
    timeline.follow(happening, atMs);
    trace?.add(traceLine(happening, atMs));
    tell(happening, atMs);
  };
  const reached = { atMs: 0, events: 0 };
  const beganMs = performance.now();
  const onProgress = (atMs: number, events: number): void => {
    Object.assign(reached, { atMs, events });
    progress.show(() => {
      const wallMs = performance.now() - beganMs;
      const broken = violations === 0 ? '' : `, ${violations} violations`;
      return `${seconds(atMs)} of ${seconds(plan.durationMs)} s, ${speedOf(atMs, wallMs)} real time, ${rate((events * 1000) / wallMs)} events/s${broken}`;
    });
  };
  const profile = new CpuProfile();
  const result = await endOf(
    plan,
    runPlan(plan, { invariants: ALL_INVARIANTS, follow, onProgress, signal }),
    reached,
    follow,
  );
  const wallMs = performance.now() - beganMs;
  const shares = profile.stop();
  progress.clear();
  const { simulatedMs, events, hash } = result;
  trace?.add(JSON.stringify({ simulatedMs, events, hash, violations: result.violations.length }));
  trace?.close();
  const interrupted = signal.aborted;
  if (request.report !== undefined)
    save(request.report, reportPage({ ...result, command, interrupted }, timeline.data(simulatedMs)));
  return { result, wallMs, counts: timeline.counts, shares, interrupted };
}

/** What a run came to. One that throws has a violation that says so, and what was seen of it stays. */
async function endOf(
  plan: Plan,
  run: Promise<RunResult>,
  reached: { readonly atMs: number; readonly events: number },
  follow: (happening: Happening, atMs: number) => void,
): Promise<RunResult> {
  try {
    return await run;
  } catch (error) {
    const { atMs, events } = reached;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    follow({ kind: 'violation', invariant: RUN_ENDS, host: undefined, what }, atMs);
    return {
      plan,
      simulatedMs: atMs,
      events,
      messages: 0,
      hash: '0'.repeat(16),
      violations: [{ invariant: RUN_ENDS, atMs, host: undefined, what }],
      sometimes: new Map(),
    };
  }
}

/** Looks for a smaller plan that breaks the same promise as the first violation, and writes it. */
async function minimised(
  file: string,
  { plan, violations }: RunResult,
  signal: AbortSignal,
  print: (text: string) => void,
): Promise<void> {
  const [first] = violations;
  if (first === undefined) {
    print('nothing to minimize: no promise was broken\n');
    return;
  }
  const { invariant } = first;
  print(`looking for a smaller plan that violates "${invariant}"\n`);
  const workers = Math.min(4, cpus().length);
  const pool = new WorkerPool(workers);
  try {
    const smaller = await minimise(plan, {
      violates: async (candidate) => {
        const outcome = await pool.run({ plan: candidate, invariant, stopAtViolation: true });
        return outcome.violations.some((violation) => violation.invariant === invariant);
      },
      parallel: workers,
      mostRuns: MINIMISE_RUNS,
      mostMs: MINIMISE_MS,
      nowMs: () => performance.now(),
      onProgress: (text) => print(`  ${text}\n`),
      signal,
    });
    save(file, `${JSON.stringify({ invariant, plan: smaller.plan }, null, 2)}\n`);
    const why = { smallest: '', runs: ' (runs ran out)', time: ' (time ran out)', aborted: ' (ended early)' };
    print(`${describeReduction(plan, smaller.plan)} after ${smaller.runs} runs${why[smaller.ended]}\n`);
    for (const fault of smaller.plan.faults) print(`  ${describeTimedFault(fault)}\n`);
    print(`repeat it: minuteman ${replayArguments(smaller.plan, file)}\n`);
  } finally {
    pool.close();
  }
}

function save(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandFailure(EXIT_FAILURE, `${file} cannot be written: ${(error as Error).message}`);
  }
}
