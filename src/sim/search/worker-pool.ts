import { type ChildProcess, fork } from 'node:child_process';
import { failedOutcome, type RunOutcome, type RunTask } from './run-task.js';

/** The program of a worker that runs whole simulations. */
export const RUN_WORKER = new URL('./run-worker.js', import.meta.url);

/** Longest wall time of one run; a run that takes longer is taken for one that never ends. */
const DEADLINE_MS = 600_000;

interface Job {
  readonly task: RunTask;
  done(outcome: RunOutcome): void;
}

/**
 * Runs simulations in processes of their own, as many at a time as there are workers. A worker that dies or does
 * not answer costs the run that it was at, and is replaced.
 */
export class WorkerPool {
  private readonly program: URL;
  private readonly workers: number;
  private readonly runsPerWorker: number;
  private readonly waiting: Job[] = [];
  private readonly idle: Worker[] = [];
  private readonly all = new Set<Worker>();
  private closed = false;

  /** `runsPerWorker` 1: each run has a fresh process. */
  constructor(workers: number, program: URL = RUN_WORKER, runsPerWorker = 100) {
    this.workers = workers;
    this.program = program;
    this.runsPerWorker = runsPerWorker;
  }

  /** Always answers: of a run that threw or whose process died with a violation that says so. */
  run(task: RunTask): Promise<RunOutcome> {
    if (this.closed) throw new Error('the pool is closed');
    return new Promise((done) => {
      this.waiting.push({ task, done });
      this.assign();
    });
  }

  /** Ends the workers; runs under way end with a violation. */
  close(): void {
    this.closed = true;
    for (const worker of this.all) worker.end();
  }

  private assign(): void {
    while (this.waiting.length > 0 && !this.closed) {
      const worker = this.idle.pop() ?? this.hire();
      if (worker === undefined) return;
      const { task, done } = this.waiting.shift()!;
      worker.run(task, (outcome, usable) => {
        if (usable && worker.runs < this.runsPerWorker && !this.closed) this.idle.push(worker);
        else {
          this.all.delete(worker);
          worker.end();
        }
        done(outcome);
        this.assign();
      });
    }
  }

  private hire(): Worker | undefined {
    if (this.all.size >= this.workers) return undefined;
    const worker = new Worker(this.program);
    this.all.add(worker);
    return worker;
  }
}

/**
 * Room for objects to die young in, four times what is usual: what a simulated connection leaves behind lives for minutes
 * of a simulated time that goes by in less than a second.
 */
const YOUNG_HEAP = '--max-semi-space-size=64';

class Worker {
  runs = 0;
  private readonly child: ChildProcess;

  constructor(program: URL) {
    this.child = fork(program, { execArgv: [YOUNG_HEAP], serialization: 'advanced' });
  }

  /** `usable`: whether the process can take another run. */
  run(task: RunTask, answer: (outcome: RunOutcome, usable: boolean) => void): void {
    this.runs += 1;
    const { child } = this;
    const beganMs = performance.now();
    const finish = (outcome: RunOutcome, usable: boolean): void => {
      clearTimeout(deadline);
      child.removeAllListeners();
      answer(outcome, usable);
    };
    const fail = (what: string): void => finish(failedOutcome(what, performance.now() - beganMs), false);
    const deadline = setTimeout(() => fail(`no answer after ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
    child.once('message', (outcome) => finish(outcome as RunOutcome, true));
    child.once('error', (error) => fail(`its process: ${error.message}`));
    child.once('exit', (code, signal) => fail(`its process ended with ${signal ?? `status ${code}`}`));
    child.send(task, (error) => {
      if (error !== null) fail(`its process cannot be reached: ${error.message}`);
    });
  }

  /** At once: a run has nothing to tidy up. */
  end(): void {
    this.child.kill('SIGKILL');
  }
}
