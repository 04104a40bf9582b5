import type { RunOptions, RunResult } from '../cluster.js';
import { type RunTask, runTask } from './run-task.js';

/** Makes this process a worker: runs what its parent sends, one after the other, until the parent is gone. */
export function serveRuns(
  runPlan: (task: RunTask, options: Omit<RunOptions, 'invariants'>) => Promise<RunResult>,
): void {
  // Ctrl-C in a terminal reaches all processes; the parent decides what is to be done.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', (task: RunTask) => {
    void runTask(task, runPlan).then((outcome) => process.send?.(outcome));
  });
}
